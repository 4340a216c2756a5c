import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { requireTools, type Tool } from "../fixtures/backends/present.ts";
import { atEnd, projectRoot } from "../fixtures/temp.ts";
import {
  ASSET,
  BASICS,
  executable,
  INSTALL,
  machineOf,
  pathOf,
  release,
  run,
  shaOf,
  UNINSTALL,
  word,
  type Ended,
  type Machine,
} from "./machine.ts";

/** A real web server with the files of a directory; returns its address. */
async function served(directory: string): Promise<string> {
  const server = createServer((request, response) => {
    const path = join(directory, decodeURIComponent(request.url ?? "/"));
    if (existsSync(path)) response.end(readFileSync(path));
    else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

/** Like `run`, while this process answers. */
async function runBeside(machine: Machine, args: readonly string[], path = process.env["PATH"]): Promise<Ended> {
  const child = spawn("/bin/sh", [INSTALL, ...args], {
    env: { HOME: machine.home, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, exit] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close").then(() => child.exitCode),
  ]);
  return { exit, stdout, stderr };
}

describe("install.sh", () => {
  it("installs from a directory, updates in place, keeps what is configured, and leaves nothing else behind", () => {
    const machine = machineOf();
    mkdirSync(join(machine.home, ".cmd2host"));
    writeFileSync(join(machine.home, ".cmd2host/daemon.json"), "{}");
    const first = run(INSTALL, machine, ["--from", machine.release]);
    expect(first).toEqual({
      exit: 0,
      stdout: expect.stringContaining(`${machine.bin}/cmd2host: cmd2host version 1.0.0\n`) as string,
      stderr: `note: ${machine.bin} is not on your PATH\n`,
    });
    const before = statSync(join(machine.bin, "cmd2host"));
    release(machine, "2.0.0");
    expect(run(INSTALL, machine, ["--from", machine.release]).stdout).toContain("cmd2host version 2.0.0");
    // Renamed, not written: one that runs goes on with the old file.
    expect(statSync(join(machine.bin, "cmd2host")).ino).not.toBe(before.ino);
    expect(readdirSync(machine.bin)).toEqual(["cmd2host"]);
    expect(statSync(join(machine.bin, "cmd2host")).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(machine.home, ".cmd2host"))).toEqual(["daemon.json"]);
    expect(machine.calls()).toEqual([]);
  });

  it("installs the service when asked to, into another place", () => {
    const machine = machineOf();
    const prefix = join(machine.home, "else where");
    expect(run(INSTALL, machine, ["--from", machine.release, "--prefix", prefix, "--service"]).exit).toBe(0);
    expect([existsSync(join(prefix, "bin/cmd2host")), machine.calls()]).toEqual([true, ["service install"]]);
  });

  it.each(["curl", "wget"] as const)("fetches with %s", async (tool) => {
    if (!requireTools([tool])) return;
    const machine = machineOf();
    const ended = await runBeside(
      machine,
      ["--url", `${await served(machine.release)}/`],
      pathOf([...BASICS, "sha256sum", tool]),
    );
    expect([ended.exit, ended.stdout]).toEqual([0, expect.stringContaining("cmd2host version 1.0.0")]);
    rmSync(join(machine.release, "checksums.txt"));
    const gone = await runBeside(
      machine,
      ["--url", await served(machine.release)],
      pathOf([...BASICS, "sha256sum", tool]),
    );
    expect([gone.exit, gone.stderr]).toEqual([1, expect.stringContaining("checksums.txt cannot be fetched")]);
  });

  it.each(["sha256sum", "shasum", "openssl"])("verifies with %s", (tool) => {
    if (!requireTools([tool as Tool])) return;
    const machine = machineOf();
    const path = pathOf([...BASICS, tool, ...(tool === "shasum" ? ["perl"] : [])]);
    expect(run(INSTALL, machine, ["--from", machine.release], { path }).exit).toBe(0);
    writeFileSync(join(machine.release, ASSET), executable("3.0.0", join(machine.home, "calls")));
    const { exit, stderr } = run(INSTALL, machine, ["--from", machine.release], { path });
    expect([exit, stderr]).toEqual([1, expect.stringContaining("has the wrong checksum")]);
    expect(run(join(machine.bin, "cmd2host"), machine, ["--version"]).stdout).toContain("1.0.0");
  });

  it.each([
    [
      "wrong",
      (sum: string) => `${sum.replace(/^./, (digit) => (digit === "0" ? "1" : "0"))}  ${ASSET}\n`,
      "wrong checksum",
    ],
    ["missing", () => "", "does not name"],
    ["for another name", (sum: string) => `${sum}  x${ASSET}\n${sum}  ${ASSET}.old\n`, "does not name"],
    ["too short", (sum: string) => `${sum.slice(1)}  ${ASSET}\n`, "does not name"],
    ["there twice", (sum: string) => `${sum}  ${ASSET}\n${sum}  ${ASSET}\n`, "more than once"],
    ["no text", () => "\u0000\u0001\n", "does not name"],
  ])("runs and installs nothing when the checksum is %s", (_, lines, why) => {
    const machine = machineOf();
    const program = `#!/bin/sh\necho ran >>${word(join(machine.home, "calls"))}\n`;
    writeFileSync(join(machine.release, ASSET), program);
    writeFileSync(join(machine.release, "checksums.txt"), lines(shaOf(program)));
    const { exit, stderr } = run(INSTALL, machine, ["--from", machine.release]);
    expect([exit, stderr]).toEqual([1, expect.stringContaining(why)]);
    expect([readdirSync(machine.bin), machine.calls()]).toEqual([[], []]);
  });

  it.each([" *", "  ./", " *./"])(
    "takes a line of checksums.txt with %j in front of the name, and capitals",
    (between) => {
      const machine = machineOf();
      const sum = shaOf(readFileSync(join(machine.release, ASSET), "utf8")).toUpperCase();
      writeFileSync(join(machine.release, "checksums.txt"), `${sum}${between}${ASSET}\n`);
      expect(run(INSTALL, machine, ["--from", machine.release]).exit).toBe(0);
    },
  );

  it("keeps the old one when the new one does not run here", () => {
    const machine = machineOf();
    run(INSTALL, machine, ["--from", machine.release]);
    const other = "\u007fELF of another machine";
    writeFileSync(join(machine.release, ASSET), other);
    writeFileSync(join(machine.release, "checksums.txt"), `${shaOf(other)}  ${ASSET}\n`);
    const { exit, stderr } = run(INSTALL, machine, ["--from", machine.release]);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("does not run on this machine")]);
    expect(run(join(machine.bin, "cmd2host"), machine, ["--version"]).stdout).toContain("1.0.0");
    expect(readdirSync(machine.bin)).toEqual(["cmd2host"]);
  });

  it("says which tool is missing", () => {
    const machine = machineOf();
    const noSum = run(INSTALL, machine, ["--from", machine.release], { path: pathOf(BASICS) });
    expect([noSum.exit, noSum.stderr]).toEqual([1, expect.stringContaining("none of sha256sum, shasum and openssl")]);
    const noFetch = run(INSTALL, machine, ["--url", "https://localhost/x"], { path: pathOf([...BASICS, "sha256sum"]) });
    expect([noFetch.exit, noFetch.stderr]).toEqual([1, expect.stringContaining("neither curl nor wget")]);
    expect(readdirSync(machine.bin)).toEqual([]);
  });

  it("says when it cannot write there", () => {
    const machine = machineOf();
    writeFileSync(join(machine.home, "file"), "");
    const under = run(INSTALL, machine, ["--from", machine.release, "--prefix", join(machine.home, "file")]);
    expect([under.exit, under.stderr]).toEqual([1, expect.stringContaining("cannot be made")]);
    mkdirSync(join(machine.bin, "cmd2host"), { recursive: true });
    const taken = run(INSTALL, machine, ["--from", machine.release]);
    expect([taken.exit, taken.stderr]).toEqual([1, expect.stringContaining("is a directory")]);
    expect(readdirSync(machine.bin)).toEqual(["cmd2host"]);
    if (process.getuid?.() === 0) return;
    chmodSync(machine.bin, 0o555);
    expect(run(INSTALL, machine, ["--from", machine.release]).stderr).toContain("cannot be written");
  });

  it.each([
    [[], "it is not said where from"],
    [["--from"], "--from needs a value"],
    [["--from", "--service"], "--from needs a value"],
    [["--from", "x", "--url", "https://localhost"], "exclude each other"],
    [["--from", "x", "--version", "v1.0.0"], "--version goes with --repo"],
    [["--url", "http://example.com/x"], "neither https nor on this machine"],
    [["--url", "http://localhost.example.com/x"], "neither https nor on this machine"],
    [["--url", "http://127.0.0.1:80@example.com/x"], "holds an @"],
    [["--url", "file:///etc"], "neither https nor on this machine"],
    [["--repo", "owner"], "is no OWNER/NAME"],
    [["--repo", "owner/name/x"], "is no OWNER/NAME"],
    [["--repo", "owner/na me"], "is no OWNER/NAME"],
    [["--repo", "owner/name", "--version", "../x"], "is no tag"],
    [["--quick"], "--quick is not understood"],
  ])("refuses %j", (args, why) => {
    const machine = machineOf();
    const { exit, stdout, stderr } = run(INSTALL, machine, args);
    expect([exit, stdout, stderr]).toEqual([2, "", expect.stringContaining(why)]);
    expect(existsSync(machine.bin)).toBe(false);
  });

  it("explains itself", () => {
    expect(run(INSTALL, machineOf(), ["--help"]).stdout).toContain("--from DIRECTORY");
    expect(run(UNINSTALL, machineOf(), ["-h"]).stdout).toContain("--purge");
  });
});

describe("the scripts of a release", () => {
  it("install from its repository, and checksums.txt names every file", () => {
    const machine = machineOf();
    const script = join(projectRoot, "scripts/release-scripts.ts");
    const args = ["--import", "tsx", script, "owner/name", machine.release];
    execFileSync(process.execPath, args, { cwd: projectRoot, stdio: "pipe" });
    writeFileSync(
      join(machine.release, "checksums.txt"),
      readFileSync(join(machine.release, "checksums.txt"), "utf8").split("\n").slice(1).join("\n"),
    );
    execFileSync("sha256sum", ["--check", "--strict", "checksums.txt"], { cwd: machine.release, stdio: "pipe" });
    expect(readFileSync(join(machine.release, "checksums.txt"), "utf8")).toMatch(
      / {2}install-agent\.sh\n.* {2}install-gateway\.sh\n.* {2}install\.sh\n.* {2}uninstall\.sh\n$/,
    );
    for (const name of ["install.sh", "install-agent.sh", "install-gateway.sh"])
      expect(readFileSync(join(machine.release, name), "utf8")).toContain("\n  repo='owner/name'\n");
    // A curl that only notes what it is asked for.
    const path = pathOf([...BASICS, "sha256sum"]);
    writeFileSync(join(path, "curl"), `#!/bin/sh\necho "$*" >>${word(join(machine.home, "calls"))}\nexit 22\n`, {
      mode: 0o755,
    });
    for (const more of [[], ["--version", "v1.2.3"]]) run(join(machine.release, "install.sh"), machine, more, { path });
    expect(machine.calls().map((call) => call.split(" ").at(-1))).toEqual([
      "https://github.com/owner/name/releases/latest/download/checksums.txt",
      "https://github.com/owner/name/releases/download/v1.2.3/checksums.txt",
    ]);
    expect(machine.calls()[0]).toContain("--proto =https ");
  });
});

describe("uninstall.sh", () => {
  function installed(): Machine {
    const machine = machineOf();
    run(INSTALL, machine, ["--from", machine.release]);
    mkdirSync(join(machine.home, ".cmd2host/projects"), { recursive: true });
    return machine;
  }

  it("removes the program and its service, and keeps what is configured", () => {
    const machine = installed();
    mkdirSync(join(machine.home, ".config/systemd/user"), { recursive: true });
    writeFileSync(join(machine.home, ".config/systemd/user/cmd2host.service"), "");
    const { exit, stdout } = run(UNINSTALL, machine, []);
    expect([exit, stdout]).toEqual([0, expect.stringContaining("--purge deletes it")]);
    expect([machine.calls(), existsSync(join(machine.bin, "cmd2host"))]).toEqual([["service uninstall"], false]);
    expect(existsSync(join(machine.home, ".cmd2host/projects"))).toBe(true);
    expect(run(UNINSTALL, machine, []).stdout).toContain("is not there");
  });

  it.each(["", "no\n", "YES\n", "y\n"])("deletes nothing when %j is the answer", (input) => {
    const machine = installed();
    const { exit, stderr } = run(UNINSTALL, machine, ["--purge"], { input });
    expect([exit, stderr]).toEqual([1, expect.stringContaining("nothing was removed")]);
    expect([existsSync(join(machine.bin, "cmd2host")), existsSync(join(machine.home, ".cmd2host/projects"))]).toEqual([
      true,
      true,
    ]);
  });

  it.each([
    [["--purge"], "yes\n"],
    [["--purge", "--yes"], ""],
  ] as const)("deletes with %j when that is confirmed", (args, input) => {
    const machine = installed();
    expect(run(UNINSTALL, machine, args, { input }).exit).toBe(0);
    expect(existsSync(join(machine.home, ".cmd2host"))).toBe(false);
  });

  it("does not delete what cmd2host did not make", () => {
    const machine = installed();
    const base = join(machine.home, ".cmd2host");
    const precious = join(machine.home, "precious");
    mkdirSync(join(precious, "tokens"), { recursive: true });
    rmSync(base, { recursive: true });
    symlinkSync(precious, base);
    expect(run(UNINSTALL, machine, ["--purge", "--yes"]).stderr).toContain("is no directory of cmd2host");
    rmSync(base);
    mkdirSync(base);
    expect(run(UNINSTALL, machine, ["--purge", "--yes"]).stderr).toContain("is no directory of cmd2host");
    rmSync(base, { recursive: true });
    symlinkSync(".", base);
    expect(run(UNINSTALL, machine, ["--purge", "--yes"]).stderr).toContain("is your home directory");
    const purge = (dir: string): string => run(UNINSTALL, machine, ["--purge", "--yes"], { base: dir }).stderr;
    symlinkSync(precious, join(machine.home, "link"));
    expect(purge(`${machine.home}/link//`)).toContain("is no directory of cmd2host");
    // A directory above may have one that is called so, for reasons of its own.
    mkdirSync(join(dirname(machine.home), "projects"));
    expect(purge(`${dirname(machine.home)}/`)).toContain("is your home directory, or above it");
    expect(purge("/")).toContain("is your home directory, or above it");
    expect(existsSync(join(precious, "tokens"))).toBe(true);
    expect(run(UNINSTALL, machine, ["--quick"]).exit).toBe(2);
  });
});

describe("a script that was cut short", () => {
  it.each([INSTALL, UNINSTALL])(
    "%s does nothing, wherever it ends",
    (script) => {
      const whole = readFileSync(script);
      const machine = machineOf();
      mkdirSync(join(machine.home, ".cmd2host/tokens"), { recursive: true });
      mkdirSync(machine.bin, { recursive: true });
      writeFileSync(join(machine.bin, "cmd2host"), executable("0.9.0", join(machine.home, "calls")), { mode: 0o755 });
      const args = script === INSTALL ? ["--from", machine.release, "--service"] : ["--purge", "--yes"];
      const last = whole.lastIndexOf("{ main");
      // Every byte of the last line but its end, before and behind every line break, and some of everything else.
      const cuts = new Set<number>();
      for (let at = 0; at < whole.lastIndexOf("}"); at++) {
        const byte = whole[at] ?? 0;
        if (at >= last || byte === 0x0a || (at > 0 && whole[at - 1] === 0x0a) || at % 97 === 0) cuts.add(at);
      }
      // The whole line is cut in all places.
      cuts.add(whole.lastIndexOf("}"));
      const cut = join(machine.home, "cut.sh");
      for (const at of [...cuts]) {
        writeFileSync(cut, whole.subarray(0, at));
        run(cut, machine, args);
        const left = [existsSync(join(machine.home, ".cmd2host/tokens")), readdirSync(machine.bin), machine.calls()];
        expect([at, ...left]).toEqual([at, true, ["cmd2host"], []]);
      }
      expect(run(join(machine.bin, "cmd2host"), machine, ["--version"]).stdout).toContain("0.9.0");
    },
    240_000,
  );
});

describe.runIf(requireTools(["shellcheck"]))("shellcheck", () => {
  it.each([INSTALL, UNINSTALL])("has nothing to say of %s", (script) => {
    expect(
      execFileSync("shellcheck", ["--shell=sh", "--enable=all", "--exclude=SC2250,SC2310,SC2312,SC2249", script], {
        encoding: "utf8",
      }),
    ).toBe("");
  });
});
