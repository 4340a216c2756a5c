import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, realpathSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { buildProgram, DaemonProcess } from "../contract/routes-process.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { wordsOf } from "../fixtures/tested-program.ts";

/** A container without network: its own namespaces, the system's programs to read, and what is handed in. */
function boxOf(handedIn: readonly (readonly [string, string])[]): readonly string[] {
  const node = realpathSync(process.execPath);
  const system = ["/usr", "/bin", "/sbin", "/lib", "/lib64"].filter((path) => existsSync(path));
  const readable = [...system.map((path) => [path, path] as const), [dirname(node), "/opt/node"] as const];
  return [
    ...["--unshare-all", "--die-with-parent", "--clearenv", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
    ...readable.flatMap(([from, to]) => ["--ro-bind", from, to]),
    ...handedIn.flatMap(([from, to]) => ["--ro-bind", from, to]),
    ...["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "CMD2HOST_TOKEN", TOKEN, "--chdir", "/"],
  ];
}

/** Said loudly when it is not so, and in CI it has to be so. */
function canBox(): boolean {
  if (!requireTools(["bwrap"])) return false;
  const tried = spawnSync(toolPath("bwrap"), [...boxOf([]), "/bin/true"], { encoding: "utf8" });
  if (tried.status === 0) return true;
  const message = `bwrap cannot make a box here: ${tried.stderr.trim()}`;
  if ((process.env["CI"] ?? "") !== "") throw new Error(`${message}: CI runs every test`);
  process.stderr.write(`SKIPPED: ${message}\n`);
  return false;
}

/** 200,000,007 bytes: a word, and numbers of eight digits. */
const [FIRST, LAST] = [10_000_000, 32_222_222];
const BYTES = "begin\n".length + 9 * (LAST - FIRST + 1);

describe.runIf(canBox())("a box that has no network but the daemon's socket", async () => {
  const programs = fixturePrograms();
  const { base } = defaultBase({
    allowed_operations: ["log", "upper"],
    operations: {
      log: {
        command: `${programs}/long-log`,
        args_template: [String(FIRST), String(LAST), "{file}"],
        params: { file: { type: "string" } },
        timeout: 120,
      },
      upper: { command: "tr", args_template: ["a-z", "A-Z"], stdin: "required" },
    },
  });
  const program = await buildProgram();
  // The directory that holds the socket and nothing else. Not the socket: a daemon that is started again makes a new one.
  const door = tempDirectory();
  const config = { socket_path: join(door, "cmd2host.sock") };
  const daemon = await DaemonProcess.start(program, base, config);
  const box = [
    ...boxOf([
      [dirname(program), "/opt/cmd2host"],
      [door, "/run/cmd2host"],
    ]),
  ];
  const inside = (args: readonly string[], stdin: "ignore" | "pipe" = "ignore") =>
    spawn(toolPath("bwrap"), [...box, ...args], { stdio: [stdin, "pipe", "pipe"] });
  const own = `/opt/cmd2host/${basename(program)}`;
  const start = wordsOf(program).length === 1 ? [own] : ["/opt/node/node", own];
  const call = [...start, "call", "--socket", "/run/cmd2host/cmd2host.sock"];

  it("is really without: nothing that listens on the host can be reached", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const script = `
      const names = Object.keys(require("os").networkInterfaces()).filter((name) => name !== "lo");
      require("net").connect(${port}, "127.0.0.1").on("connect", () => console.log("reached"))
        .on("error", (error) => console.log(error.code, names.length));`;
    const child = inside(["/opt/node/node", "-e", script]);
    expect(await text(child.stdout ?? new PassThrough())).toMatch(/^(?:ECONNREFUSED|ENETUNREACH) 0\n$/);
    server.close();
  });

  it("gets 200 MB as they are written, every byte, and the daemon stays small", async () => {
    const go = join(tempDirectory(), "go");
    const hash = createHash("sha256");
    let [count, beforeGo] = [0, ""];
    let exit: number | null = null;
    let said = "";
    const peak = await daemon.peakOf(async () => {
      const child = inside([...call, "log", "--param", `file=${go}`]);
      child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
      child.stdout?.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        count += chunk.length;
        if (existsSync(go)) return;
        // The program waits for this file: what is here now came while it runs.
        beforeGo += chunk.toString("utf8");
        if (beforeGo.includes("\n")) writeFileSync(go, "");
      });
      [exit] = (await once(child, "close")) as [number | null];
    });
    expect([exit, said, beforeGo, count]).toEqual([0, "", "begin\n", BYTES]);
    const expected = execFileSync("sh", ["-c", `{ echo begin; seq ${FIRST} ${LAST}; } | sha256sum`], {
      encoding: "utf8",
    });
    expect(hash.digest("hex")).toBe(expected.split(" ")[0]);
    expect(peak).toBeLessThan(300);
  });

  it("sends standard input, and gets denials and exit codes", async () => {
    const child = inside([...call, "upper"], "pipe");
    child.stdin?.end("from inside\n");
    expect(await text(child.stdout ?? new PassThrough())).toBe("FROM INSIDE\n");
    const denied = inside([...call, "nothing"]);
    const said = await text(denied.stderr ?? new PassThrough());
    if (denied.exitCode === null) await once(denied, "exit");
    expect(denied.exitCode).toBe(220);
    expect(said).toContain("operation_unknown");
  });

  it("finds a daemon that was started again", async () => {
    expect(await daemon.stop()).toBe(0);
    const again = await DaemonProcess.start(program, base, config);
    const child = inside([...call, "upper"], "pipe");
    child.stdin?.end("again\n");
    expect(await text(child.stdout ?? new PassThrough())).toBe("AGAIN\n");
    expect(await again.stop()).toBe(0);
  });
});
