import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { isBound } from "../../host/listen/bound.ts";
import { listenUnix } from "../../host/listen/unix.ts";
import { shortSocketPath } from "../../host/util/short-socket-path.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();

function newPath(): string {
  return join(mkdtempSync(join(room, "s")), "s.sock");
}

/** Runs a few lines of Python that bind a socket and say so; ends with the test. Resolves with a way to kill it. */
async function python(path: string, ...lines: readonly string[]): Promise<() => Promise<void>> {
  const script = ["import socket,sys", ...lines, "print('ready',flush=True)", "sys.stdin.read()"].join("\n");
  const child = spawn("python3", ["-c", script, path], { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exit;
  };
  onTestFinished(kill);
  await once(createInterface(child.stdout), "line");
  return kill;
}

const bind = (kind: string): string => `s=socket.socket(socket.AF_UNIX,socket.${kind});s.bind(sys.argv[1])`;

describe.runIf(existsSync("/proc/net/unix"))("a path that the system lists as bound", () => {
  it("is that of a listening server, however it is written, until that ends", async () => {
    const path = newPath();
    const listener = await listenUnix(path, 0o600, () => undefined);
    expect(isBound(path)).toBe(true);
    expect(isBound(`${dirname(path)}/../${path.split("/").at(-2) ?? ""}/s.sock`)).toBe(true);
    expect(isBound(join(dirname(path), "other.sock"))).toBe(false);
    await listener.close();
    expect(isBound(path)).toBe(false);
  });

  it("is not that of another directory whose socket has the same name", async () => {
    const listener = await listenUnix(newPath(), 0o600, () => undefined);
    onTestFinished(async () => listener.close());
    expect(isBound(newPath())).toBe(false);
    expect(isBound(join(room, "nowhere/s.sock"))).toBe(false);
  });

  it("is found when it was bound through a handle of its directory, and is told from others", async () => {
    const long = join(mkdtempSync(join(room, "s")), "d".repeat(120));
    const other = join(dirname(long), "e".repeat(120));
    for (const directory of [long, other]) mkdirSync(directory);
    const short = shortSocketPath(join(long, "s.sock"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(short.path, resolve));
    expect(isBound(join(long, "s.sock"))).toBe(true);
    expect(isBound(join(other, "s.sock"))).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(isBound(join(long, "s.sock"))).toBe(false);
    short.done();
  });

  it.runIf(existsSync("/usr/bin/python3"))(
    "is that of a server of another kind, and not one that was killed",
    async () => {
      const path = newPath();
      const kill = await python(path, bind("SOCK_DGRAM"));
      expect(isBound(path)).toBe(true);
      await kill();
      expect([existsSync(path), isBound(path)]).toEqual([true, false]);
    },
  );

  it.runIf(existsSync("/usr/bin/python3"))("is that of a server whose queue is full", async () => {
    const path = newPath();
    await python(path, bind("SOCK_STREAM"), "s.listen(0)", "c=socket.socket(socket.AF_UNIX);c.connect(sys.argv[1])");
    expect(isBound(path)).toBe(true);
  });

  it.runIf(existsSync("/usr/bin/python3"))("is not that of a socket that nobody listens on", async () => {
    const path = newPath();
    await python(path, bind("SOCK_STREAM"));
    expect(isBound(path)).toBe(false);
  });

  it("is not that of a file", () => {
    const path = newPath();
    writeFileSync(path, "");
    expect(isBound(path)).toBe(false);
  });
});
