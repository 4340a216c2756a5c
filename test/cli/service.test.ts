import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTools } from "../fixtures/backends/present.ts";
import { smallConfig, type Host } from "./harness.ts";
import { definitionOf, userOf } from "./service-user.ts";

const SYSTEMS = ["linux", "darwin"] as const;

interface Status {
  readonly state: string;
  readonly since: string;
  readonly pid: number;
  readonly program: readonly string[];
  readonly answers: boolean;
  readonly notes: readonly string[];
  readonly sockets: readonly { readonly present: boolean }[];
}

async function statusOf(host: Host): Promise<Status> {
  return (await host.json("service", "status")) as Status;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.runIf(requireTools(["python3"])).each(SYSTEMS)("the service on %s", (system) => {
  it("is installed, answers, says how it is, is left alone when nothing has changed, and is removed", async () => {
    const host = userOf(system);
    expect((await host.run("service", "status")).exit).toBe(4);
    const first = await host.run("service", "install");
    expect([first.exit, first.stdout.split("\n")[0]]).toEqual([0, "The service is installed and runs."]);
    expect(statSync(definitionOf(host)).mode & 0o777).toBe(0o600);
    const status = await statusOf(host);
    expect([status.state, status.answers, status.sockets.map(({ present }) => present)]).toEqual([
      "active",
      true,
      [true, true],
    ]);
    expect(status.program).toEqual(host.installed);
    expect(Math.abs(Date.now() - Date.parse(status.since))).toBeLessThan(120_000);

    const again = await host.run("service", "install");
    expect(again.stdout).toContain("nothing was changed");
    expect((await statusOf(host)).pid).toBe(status.pid);
    expect((await host.run("service", "status")).exit).toBe(0);

    const removed = await host.run("service", "uninstall");
    expect([removed.exit, existsSync(definitionOf(host)), isAlive(status.pid)]).toEqual([0, false, false]);
    expect(existsSync(join(host.base, "daemon.json"))).toBe(true);
    expect((await host.run("service", "uninstall")).stdout).toContain("No service is installed");
  });

  it("takes over a changed environment and an updated program, and restarts when told to", async () => {
    const host = userOf(system);
    await host.run("service", "install");
    const first = await statusOf(host);
    host.environment["AWS_PROFILE"] = "work";
    const changed = await host.run("service", "install", "--env=AWS_PROFILE");
    expect(changed.stdout).toContain("The service is updated and runs.");
    expect(readFileSync(definitionOf(host), "utf8")).toContain("AWS_PROFILE");
    const second = await statusOf(host);
    expect([second.pid === first.pid, isAlive(first.pid)]).toEqual([false, false]);
    expect((await host.run("service", "restart")).exit).toBe(0);
    expect((await statusOf(host)).pid).not.toBe(second.pid);
  });

  it("says that the program was replaced since the start, and restarts with it", async () => {
    const host = userOf(system);
    const wrapper = join(host.root, "cmd2host.sh");
    const [node = "", ...rest] = host.installed;
    writeFileSync(wrapper, `#!/bin/sh\nexec '${node}' ${rest.map((part) => `'${part}'`).join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    host.installed = [wrapper];
    // The fixtures give whole seconds, and what was made in the second of the start is not newer.
    await host.run("service", "install");
    const { since, pid } = await statusOf(host);
    while (Date.now() < Date.parse(since) + 1_500) await new Promise((resolve) => setTimeout(resolve, 100));
    const before = statSync(wrapper);
    utimesSync(wrapper, before.atime, before.mtime);
    expect((await statusOf(host)).notes[0]).toBe(
      `${wrapper} was replaced after the start: run cmd2host service restart`,
    );
    expect((await host.run("service", "install")).stdout).toContain("The service runs again.");
    expect((await statusOf(host)).pid).not.toBe(pid);
    rmSync(wrapper);
    expect((await statusOf(host)).notes[0]).toBe(`${wrapper} is not there any more: run cmd2host service install`);
  });

  it("says so when the daemon does not start, and how to see why", async () => {
    const host = userOf(system);
    writeFileSync(join(host.base, "daemon.json"), '{"listen_port":"x"}', { mode: 0o600 });
    const { exit, stderr } = await host.run("service", "install");
    expect(exit).toBe(1);
    expect(stderr).toContain("error: the service was started, but the daemon does not answer");
    expect(stderr).toContain("hint: See cmd2host service logs");
    expect((await host.run("service", "status")).exit).toBe(3);
  });

  it("keeps a definition of somebody else beside its own", async () => {
    const host = userOf(system);
    mkdirSync(dirname(definitionOf(host)), { recursive: true });
    writeFileSync(definitionOf(host), "theirs\n");
    const { stderr } = await host.run("service", "install");
    expect(stderr).toContain(`note: what was there is now ${definitionOf(host)}.old`);
    expect(readFileSync(`${definitionOf(host)}.old`, "utf8")).toBe("theirs\n");
  });

  it("is not written through a link", async () => {
    const host = userOf(system);
    mkdirSync(dirname(definitionOf(host)), { recursive: true });
    symlinkSync("/dev/null", definitionOf(host));
    for (const verb of ["install", "uninstall", "status"]) {
      const { exit, stderr } = await host.run("service", verb);
      expect([exit, stderr]).toEqual([1, expect.stringContaining("is a link")]);
    }
    expect(lstatSync(definitionOf(host)).isSymbolicLink()).toBe(true);
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
    rmSync(definitionOf(host));
  });

  it("does not start beside a daemon that was started by hand", async () => {
    const host = userOf(system);
    const server = createServer().listen(join(host.base, "daemon.lock"));
    await once(server, "listening");
    try {
      const { exit, stderr } = await host.run("service", "install");
      expect([exit, stderr]).toEqual([1, expect.stringContaining("a daemon that is no service answers")]);
      expect(existsSync(definitionOf(host))).toBe(false);
    } finally {
      server.close();
    }
  });

  it("that is about to end is waited for, and not taken for a daemon that was started by hand", async () => {
    const host = userOf(system);
    await host.run("service", "install");
    const state = system === "linux" ? ["runtime/manager/as", "deactivating"] : [".launchd/as", "SIGTERMed"];
    writeFileSync(join(host.root, state[0] ?? ""), state[1] ?? "");
    expect((await statusOf(host)).state).toBe("stopping");
    const { exit, stdout, stderr } = await host.run("service", "install");
    expect([exit, stdout.split("\n")[0], stderr]).toEqual([
      0,
      "The service runs again.",
      expect.not.stringContaining("error"),
    ]);
    expect((await statusOf(host)).state).toBe("active");
  });

  it("prints what it would write, without a service manager, and writes nothing", async () => {
    const host = userOf(system);
    host.environment["PATH"] = host.bin;
    const { exit, stdout } = await host.run("service", "install", "--dry-run");
    expect([exit, existsSync(dirname(definitionOf(host)))]).toEqual([0, false]);
    expect(stdout).toContain("cmd2host service install");
    const { definition, file } = (await host.json("service", "install", "--dry-run")) as Record<string, string>;
    expect([definition, file]).toEqual([stdout, definitionOf(host)]);
  });

  it("leaves out of PATH what lies in a workspace, warns of what others can change, and names what it does not take over", async () => {
    const host = userOf(system);
    host.project("owner_repo", smallConfig(host.checkout));
    const inside = join(host.checkout, "bin");
    const link = join(host.root, "link");
    const open = join(host.root, "open");
    for (const directory of [inside, open]) mkdirSync(directory);
    chmodSync(open, 0o777);
    symlinkSync(inside, link);
    host.environment["SSH_AUTH_SOCK"] = "/tmp/agent";
    host.environment["PATH"] = [inside, link, "relative", "", open, host.bin, host.bin].join(delimiter);
    const { stdout, stderr } = await host.run("service", "install", "--dry-run");
    expect(stdout).toMatch(new RegExp(`PATH[=>\\s/a-z<]*${open}:${host.bin}["<]`));
    expect(stderr.split("\n").slice(0, 5)).toEqual([
      `note: left out of PATH: ${inside}, which lies in a workspace`,
      `note: left out of PATH: ${link}, which lies in a workspace`,
      "note: left out of PATH: relative, which is relative",
      `note: on PATH: ${open} can be written by others (mode 777), so others can put programs there`,
      expect.stringMatching(/^note: not taken over: .*SSH_AUTH_SOCK/),
    ]);
  });

  it("does not run a program that a container could replace", async () => {
    const host = userOf(system);
    host.project("owner_repo", smallConfig(host.checkout));
    host.installed = [process.execPath, join(host.checkout, "cmd2host.js")];
    const { exit, stderr } = await host.run("service", "install", "--dry-run");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("lies in the workspace")]);
  });

  it.each([
    ["--env=NOT_SET", "it is not set here"],
    ["--env=a-b", "is no name of a variable"],
  ])("refuses %s", async (word, why) => {
    const host = userOf(system);
    const { exit, stderr } = await host.run("service", "install", word);
    expect([exit, stderr]).toEqual([2, expect.stringContaining(why)]);
  });
});

describe("where there is no service manager", () => {
  it.each([
    ["linux", "this system has no systemd (no systemctl on PATH)"],
    ["darwin", "this system has no launchd (no launchctl on PATH)"],
    ["freebsd", "cmd2host knows no service manager on freebsd"],
  ] as const)("says so on %s, and what to do", async (system, why) => {
    const host = userOf(system);
    host.environment["PATH"] = host.bin;
    const { exit, stdout, stderr } = await host.run("service", "install");
    expect([exit, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`error: ${why}\nhint: Start it by hand with \`cmd2host serve\`.`);
  });

  it.runIf(requireTools(["python3"]))("says so when systemd has no manager for the user", async () => {
    const host = userOf("linux");
    writeFileSync(join(host.root, "runtime/no-manager"), "");
    const { exit, stderr } = await host.run("service", "install");
    expect(exit).toBe(1);
    expect(stderr).toMatch(/systemd (?:does not run here|runs no manager for this user)/);
    expect(stderr).toContain("cmd2host serve");
    expect(existsSync(definitionOf(host))).toBe(false);
  });
});

describe.runIf(requireTools(["python3"]))("advice", () => {
  it("explains lingering where it is off, and not where it is on", async () => {
    const host = userOf("linux");
    expect((await host.run("service", "install")).stderr).toContain("loginctl enable-linger");
    writeFileSync(join(host.root, "runtime/lingers"), "");
    expect((await host.run("service", "status")).stderr).toBe("");
  });

  it("says that a unit is not read by systemd", async () => {
    const host = userOf("linux");
    mkdirSync(join(host.root, "runtime/manager"));
    writeFileSync(join(host.root, "runtime/manager/blind"), "yes");
    const { exit, stderr } = await host.run("service", "install");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("systemd does not read")]);
  });

  it("is needed when --strict is asked of launchd", async () => {
    const { exit, stderr } = await userOf("darwin").run("service", "install", "--strict", "--dry-run");
    expect([exit, stderr]).toEqual([2, expect.stringContaining("--strict is for systemd only")]);
  });
});

describe("service logs", () => {
  it("asks the journal for the service's own lines", async () => {
    const host = userOf("linux");
    const { exit, stdout, stderr } = await host.run("service", "logs", "-n", "7");
    expect([exit, stderr]).toEqual([0, "beside it\n"]);
    expect(stdout).toBe("journal: --user-unit=cmd2host.service --lines=7 --no-pager --output=short-iso\n");
    expect((await host.run("service", "logs", "-n", "x")).exit).toBe(2);
  });

  it("reads the file on macOS", async () => {
    const host = userOf("darwin");
    writeFileSync(join(host.base, "cmd2host.log"), "one\ntwo\nthree\n");
    expect((await host.run("service", "logs", "--lines=2")).stdout).toBe("two\nthree\n");
    rmSync(join(host.base, "cmd2host.log"));
    expect((await host.run("service", "logs")).exit).toBe(1);
  });

  it("follows until it is interrupted, and leaves nothing behind", async () => {
    const host = userOf("linux");
    const [node = "", ...args] = host.installed;
    const child = spawn(node, [...args, "service", "logs", "-f"], {
      env: host.environment,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let output = "";
    for await (const chunk of child.stdout) {
      const before = output;
      output += String(chunk);
      if (!before.includes("process ") && output.includes("process ")) child.kill("SIGINT");
    }
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode).toBe(130);
    const pid = Number(/process (\d+)/.exec(output)?.[1]);
    expect([pid > 0, isAlive(pid)]).toEqual([true, false]);
  });
});
