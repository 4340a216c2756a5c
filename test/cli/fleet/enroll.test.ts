import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { REMOTE_SCRIPT } from "../../../host/cli/fleet-script.ts";
import { buildProgram } from "../../contract/routes-process.ts";
import { freePort, READER_KEY, startGateway, type RunningGateway } from "../../fixtures/fleet.ts";
import { atEnd, projectRoot, tempDirectory } from "../../fixtures/temp.ts";
import { wordsOf } from "../../fixtures/tested-program.ts";
import { Host } from "../harness.ts";
import { HAS_SSHD, startSshd, type Sshd } from "./sshd.ts";

const isRoot = process.getuid?.() === 0;
const root = isRoot ? ["--root"] : [];

let gateway: RunningGateway;
let sshd: Sshd;
let host: Host;
/** How the program is started that everything here installs, and that as one file. */
let words: readonly string[] = [];
let executable = "";
/** The directory of the user that logs in; not HOME, so that nothing else of the user is touched. */
let prefix = "";

beforeAll(async () => {
  if (!HAS_SSHD) return;
  gateway = await startGateway();
  sshd = await startSshd();
  const program = await buildProgram();
  prefix = join(tempDirectory(), "agent");
  // The bundle finds its templates beside it.
  const templates = join(program, "../../templates");
  if (!existsSync(templates)) execFileSync("cp", ["-r", join(projectRoot, "templates"), templates]);
  words = wordsOf(program);
  executable = executableOf("good");
  atEnd(() => {
    stopAgent(prefix);
  });
}, 120_000);

beforeEach(() => {
  host = new Host();
  const { PATH, HOME } = process.env;
  host.environment = { ...(HAS_SSHD ? gateway.environment() : {}), PATH, HOME };
});

/** @param begin what it does before everything else */
function executableOf(name: string, begin = ""): string {
  const file = join(tempDirectory(), name);
  writeFileSync(file, `#!/bin/sh\n# ${name}\n${begin}\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

function stopAgent(place: string): void {
  const file = join(place, "state/agent.pid");
  if (!existsSync(file)) return;
  try {
    process.kill(Number(readFileSync(file, "utf8")), "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

describe.skipIf(!HAS_SSHD)("cmd2host fleet enroll (SKIPPED without sshd)", () => {
  it("installs an agent, starts it and takes the machine in, and says every step", { timeout: 60_000 }, async () => {
    const port = await freePort();
    const { exit, stdout, stderr } = await host.run(
      ...["fleet", "enroll", "box", `--ssh-config=${sshd.config}`, `--executable=${executable}`, `--prefix=${prefix}`],
      ...["--name=web1", "--tag=web", "--template=fleet_shell", `--listen=127.0.0.1:${port}`, ...root],
    );
    expect([exit, stderr.includes("error")]).toEqual([0, false]);
    expect(stdout.split("\n").map((line) => line.replace(/\(.*\)/, "(…)"))).toEqual([
      "box: looks what it is",
      "box: sends the program (…)",
      `box: installs it as ${prefix}/bin/cmd2host`,
      "box: has the policy fleet_shell",
      "box: starts the agent (…)",
      "box: is made known to the gateway",
      `box: enrolled: web1, at 127.0.0.1:${port}, tags: web (…)`,
      "",
    ]);
    expect(readdirSync("/tmp").filter((name) => name.startsWith("cmd2host."))).toEqual([]);
    expect((await host.run("ping", "web1")).stdout).toMatch(/^pong from web1 /);
    expect((await host.run("targets", "--tag=web", "--plain")).stdout).toBe("web1\treachable\t127.0.0.1\n");
  });

  it("may be run again, and keeps the policy", { timeout: 60_000 }, async () => {
    const config = join(prefix, "state/projects/machine/config.json");
    const before = readFileSync(config, "utf8");
    const again = await host.run(
      ...["fleet", "enroll", "box", `--ssh-config=${sshd.config}`, `--executable=${executable}`, `--prefix=${prefix}`],
      ...["--name=web1", ...root, "--json"],
    );
    expect(again.stderr).toContain("box: keeps the policy that is there\n");
    // Its key is known already; nothing is taken in a second time under another name.
    expect([again.exit, readFileSync(config, "utf8") === before]).toEqual([0, true]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      machine: "box",
      target: expect.stringContaining("web1") as string,
    });
  });

  it("lets a machine dial out that nobody can reach", { timeout: 60_000 }, async () => {
    const other = join(tempDirectory(), "dialling");
    atEnd(() => {
      stopAgent(other);
    });
    const { linkPort = 0 } = gateway.gateway;
    const { exit, stdout } = await host.run(
      ...["fleet", "enroll", "box", `--ssh-config=${sshd.config}`, `--executable=${executable}`, `--prefix=${other}`],
      ...["--name=far", "--dial", `--address=127.0.0.1:${linkPort}`, ...root],
    );
    expect([exit, stdout]).toEqual([0, expect.stringContaining("box: enrolled: far dials in") as string]);
    while ((await host.run("ping", "far")).exit !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it.each([
    ["a machine that is an option", ["-oProxyCommand=x", "box"], 2, "unknown option"],
    ["a name with shell in it", ["a;reboot"], 2, "is no USER@HOST"],
    ["a prefix that is no path", ["box", "--prefix=/a b", ...root], 2, "--prefix needs an absolute path"],
    ["another user without root", ["box", "--run-as=deploy"], 2, "--run-as needs an agent that runs as root"],
    ["a program that is none", ["box", "--executable=/etc/hostname"], 2, "is no program for Linux"],
    ["a program that is not there", ["box", "--executable=/nonexistent"], 1, "ENOENT"],
    ["a name that ends a quote", ["box", "--name=a'b", ...root], 2, "holds a character"],
    ["a machine that does not answer", ["nobody@127.0.0.2"], 1, "ssh does not reach it"],
  ])("refuses %s", async (_, argv, exit, said) => {
    const isGiven = (option: string): boolean => argv.some((word) => word.startsWith(option));
    const answer = await host.run(
      ...["fleet", "enroll", ...argv, `--ssh-config=${sshd.config}`],
      // Never for the system that the tests run on.
      ...(isGiven("--prefix") ? [] : [`--prefix=${prefix}`]),
      ...(isGiven("--executable") ? [] : [`--executable=${executable}`]),
    );
    expect([answer.exit, answer.stderr]).toEqual([exit, expect.stringContaining(said) as string]);
  });

  it.skipIf(!isRoot)("does not let the agent run as root by silence (SKIPPED unless root)", async () => {
    const { exit, stderr } = await host.run(
      ...["fleet", "enroll", "box", `--ssh-config=${sshd.config}`, `--executable=${executable}`, `--prefix=${prefix}x`],
    );
    expect([exit, stderr]).toEqual([2, expect.stringContaining("nobody said that it may") as string]);
    expect(existsSync(`${prefix}x`)).toBe(false);
  });

  it("asks the gateway before it touches the machine", async () => {
    host.environment = { ...host.environment, ...gateway.environment(READER_KEY) };
    const { exit, stdout, stderr } = await host.run(
      "fleet",
      "enroll",
      "box",
      `--executable=${executable}`,
      `--prefix=${prefix}`,
    );
    expect([exit, stdout, stderr]).toEqual([1, "", expect.stringContaining("is no administrator") as string]);
  });

  it("needs a program that is a single file", async () => {
    const { exit, stderr } = await host.run("fleet", "enroll", "box", `--prefix=${prefix}`);
    expect([exit, stderr]).toEqual([2, expect.stringContaining("--executable") as string]);
  });
});

describe.skipIf(!HAS_SSHD)("cmd2host fleet upgrade (SKIPPED without sshd)", () => {
  const upgrade = async (file: string, ...more: string[]) =>
    host.run(
      ...["fleet", "upgrade", "box", `--ssh-config=${sshd.config}`, `--executable=${file}`, `--prefix=${prefix}`],
      ...more,
    );

  it("replaces the program, and the new one answers", { timeout: 60_000 }, async () => {
    const { exit, stdout } = await upgrade(executableOf("newer"));
    expect(stdout).toContain("box: starts the agent anew\nbox: waits for it to answer the gateway\nbox: answers: ");
    expect(exit).toBe(0);
    expect(readFileSync(join(prefix, "bin/cmd2host"), "utf8")).toContain("# newer");
    expect(readFileSync(join(prefix, "bin/cmd2host.old"), "utf8")).toContain("# good");
  });

  it("goes back when the new one does not answer", { timeout: 60_000 }, async () => {
    const broken = executableOf("broken", '[ "$1" != agent ] || { echo oh no; exit 1; }');
    const { exit, stdout, stderr } = await upgrade(broken, "--wait=2", "--name=web1");
    expect(exit).toBe(1);
    expect(stdout).toContain("; goes back to the version before\n");
    expect(stderr).toContain("oh no");
    expect(stderr).toMatch(
      /error: web1 did not answer within 2 s with .*\nhint: The version before is installed again, which answers/,
    );
    expect(readFileSync(join(prefix, "bin/cmd2host"), "utf8")).toContain("# newer");
    expect((await host.run("ping", "web1")).exit).toBe(0);
  });

  it("does not install what does not run, and leaves the agent alone", async () => {
    const useless = executableOf("useless", "exec /nonexistent");
    const { exit, stderr } = await upgrade(useless);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("does not run on this machine") as string]);
    expect((await host.run("ping", "web1")).exit).toBe(0);
  });

  it("needs a target that answers", async () => {
    const { exit, stderr } = await upgrade(executable, "--name=nobody");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("nobody does not answer before the upgrade") as string]);
    const empty = await host.run(
      ...[
        "fleet",
        "upgrade",
        "box",
        `--ssh-config=${sshd.config}`,
        `--executable=${executable}`,
        "--prefix=/nonexistent",
      ],
    );
    expect([empty.exit, empty.stderr]).toEqual([1, expect.stringContaining("is not there") as string]);
  });
});

it("what is done on machines is a text that every shell takes, and that shellcheck finds nothing in", () => {
  const file = join(tempDirectory(), "remote.sh");
  writeFileSync(file, REMOTE_SCRIPT);
  expect(execFileSync("sh", ["-n", file]).toString()).toBe("");
  expect(execFileSync("shellcheck", ["--shell=sh", "--exclude=SC2016", file]).toString()).toBe("");
  // Of a text that was cut short nothing runs.
  const cut = REMOTE_SCRIPT.slice(0, REMOTE_SCRIPT.lastIndexOf("main "));
  expect(execFileSync("sh", ["-s", "probe"], { input: cut }).toString()).toBe("");
});
