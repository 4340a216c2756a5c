import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Peer } from "../../host/engine/rooms.ts";
import type { Listener, OnConnection } from "../../host/listen/listener.ts";
import { listenTcp } from "../../host/listen/tcp.ts";
import { isServed, listenUnix } from "../../host/listen/unix.ts";
import { MAX_SOCKET_PATH } from "../../host/util/short-socket-path.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();

function newPath(): string {
  return join(mkdtempSync(join(room, "s")), "s.sock");
}

const greet: OnConnection = (socket) => {
  socket.on("error", () => undefined);
  socket.end("hello");
};

async function unix(path: string, mode = 0o660, onConnection = greet): Promise<Listener> {
  const listener = await listenUnix(path, mode, onConnection);
  onTestFinished(async () => listener.close());
  return listener;
}

async function said(...where: [string] | [number, string]): Promise<string> {
  const socket = where.length === 1 ? createConnection(where[0]) : createConnection(where[0], where[1]);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(socket, "close");
  return text;
}

/** A socket that nobody serves: what a daemon leaves that was killed. */
async function staleSocket(path: string): Promise<void> {
  const script = "require('node:net').createServer().listen(process.argv[1], () => console.log('ready'))";
  const child = spawn(process.execPath, ["-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
  await once(createInterface(child.stdout), "line");
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  expect(lstatSync(path).isSocket()).toBe(true);
}

describe("a Unix socket", () => {
  it("is listened on, shown to people, and gone when it is closed", async () => {
    const path = newPath();
    const peers: Peer[] = [];
    const listener = await unix(path, 0o660, (socket, peer) => {
      peers.push(peer);
      greet(socket, peer);
    });
    expect(listener.address).toBe(`${path} (Unix socket)`);
    expect(await said(path)).toBe("hello");
    expect(peers).toEqual([{ transport: "unix", id: "unix" }]);
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it.each([0o660, 0o600, 0o666])("has the mode %o on disk, whatever the umask, which stays as it is", async (mode) => {
    const path = newPath();
    const before = process.umask(0o027);
    onTestFinished(() => {
      process.umask(before);
    });
    await unix(path, mode);
    expect(statSync(path).mode & 0o7777).toBe(mode);
    expect(process.umask(0o027)).toBe(0o027);
  });

  it("gets its directory made", async () => {
    const path = join(newPath(), "x", "y.sock");
    await unix(path);
    expect(await said(path)).toBe("hello");
  });

  it("takes the place of one that nobody serves", async () => {
    const path = newPath();
    await staleSocket(path);
    expect(await isServed(path)).toBe(false);
    await unix(path);
    expect(await said(path)).toBe("hello");
  });

  it("never takes the place of one that is served", async () => {
    const path = newPath();
    await unix(path);
    const { ino } = lstatSync(path);
    await expect(listenUnix(path, 0o600, greet)).rejects.toMatchObject({
      code: "daemon_already_running",
      message: `another daemon serves ${path}`,
    });
    expect(lstatSync(path).ino).toBe(ino);
    expect(await said(path)).toBe("hello");
  });

  it.runIf(existsSync("/usr/bin/python3"))("never takes the place of a living socket of another kind", async () => {
    const path = newPath();
    const script =
      "import socket,sys;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);print('ready',flush=True);sys.stdin.read()";
    const child = spawn("python3", ["-c", script, path], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    await once(createInterface(child.stdout), "line");
    await expect(listenUnix(path, 0o600, greet)).rejects.toMatchObject({ code: "daemon_already_running" });
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it("never takes the place of what is no socket", async () => {
    const path = newPath();
    writeFileSync(path, "precious");
    await expect(listenUnix(path, 0o600, greet)).rejects.toMatchObject({
      code: "listen_failed",
      message: `${path} exists but is not a socket`,
    });
    expect(readFileSync(path, "utf8")).toBe("precious");
    const directory = newPath();
    mkdirSync(directory);
    await expect(listenUnix(directory, 0o600, greet)).rejects.toMatchObject({ code: "listen_failed" });
    const link = newPath();
    symlinkSync(path, link);
    await expect(listenUnix(link, 0o600, greet)).rejects.toMatchObject({ code: "listen_failed" });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it(`may have a path of ${MAX_SOCKET_PATH} bytes and no longer one`, async () => {
    const directory = mkdtempSync(join(room, "s"));
    const path = join(directory, "a".repeat(MAX_SOCKET_PATH - directory.length - 1));
    expect(path).toHaveLength(MAX_SOCKET_PATH);
    await unix(path);
    expect(await said(path)).toBe("hello");
    await expect(listenUnix(`${path}a`, 0o600, greet)).rejects.toMatchObject({
      code: "listen_failed",
      message: `socket path is longer than ${MAX_SOCKET_PATH} bytes: ${path}a`,
      hint: expect.stringContaining("socket_path") as string,
    });
  });

  it("says why it cannot be listened on", async () => {
    const file = newPath();
    writeFileSync(file, "x");
    await expect(listenUnix(join(file, "s"), 0o600, greet)).rejects.toMatchObject({
      code: "listen_failed",
      message: expect.stringMatching(/: EEXIST$/) as string,
    });
    await expect(listenUnix(join(file, "x", "s"), 0o600, greet)).rejects.toMatchObject({ code: "listen_failed" });
  });

  it("is served while something accepts, and not when there is nothing", async () => {
    const path = newPath();
    expect(await isServed(path)).toBe(false);
    writeFileSync(path, "x");
    expect(await isServed(path)).toBe(false);
  });
});

describe("a TCP address", () => {
  /** A port that is free now. */
  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    await new Promise((resolve) => server.close(resolve));
    if (typeof bound !== "object" || bound === null) throw new Error("no port");
    return bound.port;
  }

  it("is listened on, and tells peers apart by their address", async () => {
    const port = await freePort();
    const peers: Peer[] = [];
    const listener = await listenTcp("127.0.0.1", port, (socket, peer) => {
      peers.push(peer);
      greet(socket, peer);
    });
    expect(listener.address).toBe(`127.0.0.1:${port} (TCP)`);
    expect(await said(port, "127.0.0.1")).toBe("hello");
    expect(peers).toEqual([{ transport: "tcp", id: "tcp:127.0.0.1" }]);
    await listener.close();
    const socket = createConnection(port, "127.0.0.1");
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });

  it("is never taken from another daemon", async () => {
    const port = await freePort();
    const listener = await listenTcp("127.0.0.1", port, greet);
    onTestFinished(async () => listener.close());
    await expect(listenTcp("127.0.0.1", port, greet)).rejects.toMatchObject({
      code: "daemon_already_running",
      message: `failed to listen on TCP 127.0.0.1:${port}: EADDRINUSE`,
    });
  });

  it("that is not ours is an error that names it, with brackets around IPv6", async () => {
    await expect(listenTcp("192.0.2.1", 9_876, greet)).rejects.toMatchObject({
      code: "listen_failed",
      message: "failed to listen on TCP 192.0.2.1:9876: EADDRNOTAVAIL",
    });
    await expect(listenTcp("2001:db8::1", 9_876, greet)).rejects.toMatchObject({
      code: "listen_failed",
      message: expect.stringMatching(/^failed to listen on TCP \[2001:db8::1\]:9876: E/) as string,
    });
  });

  it("keeps a client that has closed its sending side", async () => {
    const port = await freePort();
    const listener = await listenTcp("127.0.0.1", port, (socket) => {
      socket.on("error", () => undefined);
      socket.on("end", () => {
        setTimeout(() => socket.end("late"), 30);
      });
      socket.resume();
    });
    onTestFinished(async () => listener.close());
    const socket = createConnection({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end();
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(chunk.toString()).toBe("late");
  });
});
