import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { withLock } from "../../host/util/lock.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();
const PROGRAM = fileURLToPath(new URL("lock-process.ts", import.meta.url));

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  children.add(child);
  return child;
}

describe.concurrent("a lock on a directory", () => {
  it("gives what the work gives, and is free afterwards", async () => {
    const directory = mkdtempSync(join(room, "a"));
    expect(await withLock(directory, () => (existsSync(join(directory, ".lock")) ? 42 : 0))).toBe(42);
    expect(await withLock(directory, async () => Promise.resolve("again"))).toBe("again");
    expect(existsSync(join(directory, ".lock"))).toBe(false);
  });

  it("is free after work that failed, and the failure comes through", async () => {
    const directory = mkdtempSync(join(room, "b"));
    await expect(
      withLock(directory, () => {
        throw new Error("work failed");
      }),
    ).rejects.toThrow("work failed");
    expect(await withLock(directory, () => 1)).toBe(1);
  });

  it("is held against another process, which is told so after a while, and free when its holder is done", async () => {
    const directory = mkdtempSync(join(room, "c"));
    const holder = start("hold", directory);
    const lines = createInterface(holder.stdout);
    await once(lines, "line");
    await expect(withLock(directory, () => 1)).rejects.toMatchObject({
      code: "file_failed",
      message: expect.stringContaining(`${directory}: another cmd2host command is at work here`) as string,
      hint: "Try again; if none is running, remove the .lock directory there.",
    });
    const free = once(lines, "line");
    holder.stdin.end();
    await free;
    expect(await withLock(directory, () => 1)).toBe(1);
  });

  it("lets processes that add to one file lose nothing", async () => {
    const directory = mkdtempSync(join(room, "d"));
    writeFileSync(join(directory, "count"), "0");
    const exits = await Promise.all(
      [8, 8].map(async (times) => once(start("count", directory, String(times)), "exit")),
    );
    expect(exits.map(([code]: readonly unknown[]) => code)).toEqual([0, 0]);
    expect(readFileSync(join(directory, "count"), "utf8")).toBe("16");
  });

  it("that somebody takes away under long work neither ends the process nor loses what the work gave", async () => {
    const directory = mkdtempSync(join(room, "e"));
    const work = async (): Promise<string> => {
      rmdirSync(join(directory, ".lock"));
      await sleep(5_600);
      return "done";
    };
    expect(await withLock(directory, work)).toBe("done");
  });

  it("cannot be taken where there is no directory, and says why at once", async () => {
    const missing = join(room, "none");
    const started = performance.now();
    await expect(withLock(missing, () => 1)).rejects.toMatchObject({
      code: "file_failed",
      message: `${missing}: cannot be locked: ENOENT`,
    });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
