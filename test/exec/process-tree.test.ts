import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canFindDetached, endTree, groupExists, RUN_COOKIE } from "../../host/exec/process-tree.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { isAlive, isGoneWithin, pidIn } from "./processes.ts";

const started: ChildProcess[] = [];
let bin: string;
let root: string;

beforeAll(() => {
  bin = fixturePrograms();
  root = tempDirectory();
});

afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
});

/** Starts a program as the head of a group of its own, marked by a cookie. */
function start(cookie: string, program: string, ...args: readonly string[]): number {
  const child = spawn(program.startsWith("/") ? program : join(bin, program), args, {
    detached: true,
    stdio: "ignore",
    env: { PATH: process.env["PATH"] ?? "", [RUN_COOKIE]: cookie },
  });
  started.push(child);
  if (child.pid === undefined) throw new Error(`${program} was not started`);
  return child.pid;
}

describe("the process tree of a run", () => {
  it("is there as long as its group has a member", async () => {
    const file = join(root, "group");
    const leader = start("group", "leave-grandchild", "20", file);
    const grandchild = await pidIn(file);
    expect(await isGoneWithin(leader, 5_000)).toBe(true);
    expect(groupExists(leader)).toBe(true);
    await endTree(leader, "group", 1_000);
    expect(isAlive(grandchild)).toBe(false);
  });

  it("ends with TERM when it listens, before the grace is over", async () => {
    const leader = start("polite", "/bin/sleep", "20");
    const before = performance.now();
    await endTree(leader, "polite", 15_000);
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(isAlive(leader)).toBe(false);
  });

  it("ends with KILL when it does not listen, and not before the grace is over", async () => {
    const file = join(root, "stubborn");
    const leader = start("stubborn", "ignore-term", "20", file);
    await pidIn(file);
    const ending = endTree(leader, "stubborn", 400);
    expect(isAlive(leader)).toBe(true);
    const before = performance.now();
    await ending;
    expect(performance.now() - before).toBeGreaterThan(300);
    expect(isAlive(leader)).toBe(false);
  });

  it("ends at once without a grace", async () => {
    const file = join(root, "graceless");
    const leader = start("graceless", "ignore-term", "20", file);
    await pidIn(file);
    await endTree(leader, "graceless", 0);
    expect(isAlive(leader)).toBe(false);
  });

  it.runIf(canFindDetached())("includes what left the group for a session of its own", async () => {
    const file = join(root, "detached");
    const leader = start("detached", "detach", "20", file);
    const detached = await pidIn(file);
    await endTree(leader, "detached", 300);
    expect([leader, detached].map(isAlive)).toEqual([false, false]);
  });

  it.runIf(canFindDetached())(
    "includes what is started while it ends, and what is left when the leader is long gone",
    async () => {
      const folder = join(root, "forking");
      mkdirSync(folder);
      const leader = start("forking", "fork-on-term", "20", folder);
      await pidIn(join(folder, "first"));
      // On a busy machine it takes its time to start the other one.
      await endTree(leader, "forking", 5_000);
      const late = await pidIn(join(folder, "late"));
      expect([leader, late].map(isAlive)).toEqual([false, false]);
    },
  );

  it.runIf(canFindDetached())("does not include processes with another cookie, nor with a part of it", async () => {
    const files = ["one", "two"].map((name) => join(root, `other-${name}`));
    const mine = start("abc-1", "ignore-term", "20", files[0] ?? "");
    const other = start("xyz-2", "ignore-term", "20", files[1] ?? "");
    await Promise.all(files.map(pidIn));
    await endTree(mine, "abc-1", 100);
    expect([mine, other].map(isAlive)).toEqual([false, true]);
    await endTree(other, "xyz-2", 0);
    expect(isAlive(other)).toBe(false);
  });

  it("may be gone already", async () => {
    const leader = start("gone", "exit-with", "0");
    expect(await isGoneWithin(leader, 5_000)).toBe(true);
    await expect(endTree(leader, "gone", 10_000)).resolves.toBeUndefined();
    expect(groupExists(leader)).toBe(false);
  });
});
