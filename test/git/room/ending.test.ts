import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { isAlive, pidIn } from "../../exec/processes.ts";
import { git } from "../../fixtures/repo.ts";
import type { RemoteJob } from "../../../host/git/room/job.ts";
import { Bench } from "./bench.ts";

/** The job, to a remote behind an ssh that never answers and notes its process id. */
function hanging(bench: Bench, words: readonly string[], changes: Partial<RemoteJob["launch"]> = {}): RemoteJob {
  const ssh = join(bench.root, "slow-ssh");
  const pid = join(bench.root, "pid");
  writeFileSync(ssh, `#!/bin/sh\nsleep 600 &\necho $! > ${pid}\nwait\n`, { mode: 0o755 });
  const job = bench.remoteJob(words);
  const env = new Map([...job.launch.env, ["GIT_ALLOW_PROTOCOL", "ssh"], ["GIT_SSH_COMMAND", ssh]]);
  return { ...job, url: "git@host.invalid:owner/repo.git", launch: { ...job.launch, env, ...changes } };
}

async function nothingLeft(bench: Bench): Promise<void> {
  const pid = await pidIn(join(bench.root, "pid"));
  await bench.executor.settled();
  expect(isAlive(pid)).toBe(false);
}

describe("an operation that is ended", () => {
  it.each([["push", ["push", "HEAD:refs/heads/main"]] as const, ["fetch", ["fetch"]] as const])(
    "by its client while it talks to the remote leaves nothing behind, and the next works: %s",
    async (_, words) => {
      const bench = new Bench();
      const client = new AbortController();
      const running = bench.do(hanging(bench, words), client.signal);
      await pidIn(join(bench.root, "pid"));
      client.abort("cancelled");
      expect(await running).toMatchObject({ reason: "cancelled", exitCode: 143 });
      await nothingLeft(bench);
      expect(await bench.remotely("push", "HEAD:refs/heads/main")).toMatchObject({ exitCode: 0 });
      expect([bench.complaints(), bench.leftovers()]).toEqual(["", []]);
    },
  );

  it("by its time limit leaves nothing behind, and the next works", async () => {
    const bench = new Bench();
    expect(await bench.do(hanging(bench, ["push", "HEAD:refs/heads/main"], { timeoutMs: 5_000 }))).toMatchObject({
      reason: "timed_out",
      exitCode: 124,
    });
    await nothingLeft(bench);
    expect(await bench.remotely("push", "HEAD:refs/heads/main")).toMatchObject({ exitCode: 0 });
  });

  it("while it waits for another on the same repository ends at once, and starts nothing", async () => {
    const bench = new Bench();
    const first = new AbortController();
    const running = bench.do(hanging(bench, ["push", "HEAD:refs/heads/main"]), first.signal);
    await pidIn(join(bench.root, "pid"));
    bench.started.length = 0;
    const second = new AbortController();
    const waiting = bench.do(bench.remoteJob(["fetch"]), second.signal);
    const late = bench.remoteJob(["fetch"]);
    const timed = bench.do({ ...late, launch: { ...late.launch, timeoutMs: 100 } });
    await sleep(50);
    second.abort("shutting_down");
    expect(await waiting).toMatchObject({ reason: "shutting_down", exitCode: 143 });
    expect(await timed).toMatchObject({ reason: "timed_out", exitCode: 124 });
    expect(bench.started).toEqual([]);
    first.abort("cancelled");
    await running;
    expect(await bench.remotely("fetch")).toMatchObject({ exitCode: 0 });
  });

  it("while a pack is taken over leaves no part of it that stays", async () => {
    const bench = new Bench();
    writeFileSync(
      join(bench.repo, "big"),
      execFileSync("head", ["-c", "20000000", "/dev/urandom"], { maxBuffer: 1e9 }),
    );
    git(bench.repo, "add", "-A");
    git(bench.repo, "-c", "core.bigFileThreshold=1m", "commit", "-q", "-m", "big");
    git(bench.repo, "gc", "-q");
    const job = bench.remoteJob(["push", "HEAD:refs/heads/main"]);
    for (let at = 0; at < 3; at++) {
      const client = new AbortController();
      const running = bench.do(job, client.signal);
      while (!existsSync(bench.own) || !bench.leftovers().some((name) => name.includes("tmp_"))) await sleep(5);
      client.abort("cancelled");
      expect(await running).toMatchObject({ reason: "cancelled" });
      await bench.executor.settled();
      expect(bench.leftovers().length).toBeLessThan(2);
    }
    expect(await bench.do(job)).toMatchObject({ exitCode: 0 });
    expect(bench.leftovers()).toEqual([]);
  });

  it("before it begins starts nothing", async () => {
    const bench = new Bench();
    for (const job of [bench.remoteJob(["push", "HEAD:refs/heads/main"]), bench.localJob(["status"])]) {
      const ended = await bench.do(job, AbortSignal.abort("cancelled"));
      expect(ended).toMatchObject({ reason: "cancelled", exitCode: 143 });
      expect(await bench.do({ ...job, launch: { ...job.launch, timeoutMs: 0 } })).toMatchObject({
        reason: "timed_out",
      });
    }
    expect(bench.leftovers()).toEqual([]);
  });
});
