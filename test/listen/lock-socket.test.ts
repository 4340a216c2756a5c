import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { lockBase, type BaseLock } from "../../host/listen/lock-socket.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();
const PROGRAM = fileURLToPath(new URL("lock-process.ts", import.meta.url));

async function lock(root: string): Promise<BaseLock> {
  const held = await lockBase(root, join(root, "daemon.lock"), (socket, { transport }) => {
    socket.on("error", () => undefined).end(transport);
  });
  onTestFinished(async () => held.release());
  return held;
}

async function lockedByAnother(root: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, root], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  await once(createInterface(child.stdout), "line");
  return child;
}

function newRoot(): string {
  return mkdtempSync(join(room, "r"));
}

const refused = (root: string): object => ({
  code: "daemon_already_running",
  message: `another daemon serves ${root}`,
});

describe("the lock of a base directory", () => {
  it("is held by one only, and free again when it is released", async () => {
    const root = newRoot();
    const held = await lock(root);
    await expect(lock(root)).rejects.toMatchObject(refused(root));
    await held.release();
    expect(existsSync(join(root, "daemon.lock"))).toBe(false);
    await lock(root);
    expect(readdirSync(root)).toEqual(["daemon.lock"]);
  });

  it("is for its owner only, and hands on who connects as the owner", async () => {
    const root = newRoot();
    await lock(root);
    expect(lstatSync(join(root, "daemon.lock")).mode & 0o777).toBe(0o600);
    const socket = createConnection(join(root, "daemon.lock"));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => undefined);
    await once(socket, "close");
    expect(Buffer.concat(chunks).toString()).toBe("owner");
  });

  it("is given to one of two that ask at the same time", async () => {
    const root = newRoot();
    const results = await Promise.allSettled([lock(root), lock(root)]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("is held against another process, and freed by the kernel when its holder is killed", async () => {
    const root = newRoot();
    const holder = await lockedByAnother(root);
    await expect(lock(root)).rejects.toMatchObject(refused(root));
    const gone = once(holder, "exit");
    holder.kill("SIGKILL");
    await gone;
    expect(existsSync(join(root, "daemon.lock"))).toBe(true);
    await lock(root);
    await expect(lock(root)).rejects.toMatchObject(refused(root));
  });

  it("is not stopped by a file that was left in its place", async () => {
    const root = newRoot();
    writeFileSync(join(root, "daemon.lock"), "x");
    await lock(root);
    expect(lstatSync(join(root, "daemon.lock")).isSocket()).toBe(true);
  });

  it("says what stands in its place when that cannot be removed", async () => {
    const root = newRoot();
    mkdirSync(join(root, "daemon.lock"));
    await expect(lock(root)).rejects.toMatchObject({
      code: "listen_failed",
      message: expect.stringContaining(join(root, "daemon.lock")) as string,
    });
  });

  it.runIf(process.platform === "linux")(
    "works in a directory whose name is longer than a socket's may be",
    async () => {
      const root = join(newRoot(), "a".repeat(120), "b".repeat(120));
      mkdirSync(root, { recursive: true });
      const held = await lock(root);
      await expect(lock(root)).rejects.toMatchObject(refused(root));
      await held.release();
      expect(readdirSync(root)).toEqual([]);
      await lock(root);
      expect(lstatSync(join(root, "daemon.lock")).isSocket()).toBe(true);
    },
  );

  it("cannot be taken where there is no directory", async () => {
    await expect(lock(join(room, "none"))).rejects.toMatchObject({ code: "file_failed" });
  });
});
