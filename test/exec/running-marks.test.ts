import { spawn } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { canFindDetached, RUN_COOKIE } from "../../host/exec/process-tree.ts";
import { Executor } from "../../host/exec/run.ts";
import { RunningMarks } from "../../host/exec/running-marks.ts";
import { atEnd, fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { environmentOf, isAlive, launchOf, pidIn } from "./processes.ts";

const [COOKIE, OTHER] = ["a".repeat(32), "b".repeat(32)];

/** A process of a run, as a daemon that was killed leaves it. */
function left(cookie: string): number {
  const env = { PATH: process.env["PATH"], [RUN_COOKIE]: cookie };
  const child = spawn("/bin/sleep", ["60"], { detached: true, stdio: "ignore", env });
  atEnd(() => {
    child.kill("SIGKILL");
  });
  if (child.pid === undefined) throw new Error("it was not started");
  return child.pid;
}

it.runIf(canFindDetached())(
  "a run is noted while anything of it goes on, by the cookie of its processes, and not afterwards",
  async () => {
    const directory = tempDirectory();
    const executor = new Executor(new RunningMarks(directory));
    const file = join(tempDirectory(), "pid");
    const stop = new AbortController();
    // It does not hear the first signal: its run has ended for the caller before it has.
    const running = executor.run(launchOf(fixturePrograms(), "ignore-term", ["60", file]), stop.signal);
    const pid = await pidIn(file);
    while (readdirSync(directory).length === 0) await sleep(10);
    expect(environmentOf(pid)).toContain(`${RUN_COOKIE}=${readdirSync(directory)[0] ?? ""}`);
    stop.abort("cancelled");
    await running;
    expect([isAlive(pid), readdirSync(directory).length]).toEqual([true, 1]);
    await executor.settled();
    expect([isAlive(pid), readdirSync(directory).length]).toEqual([false, 0]);
  },
);

it.runIf(canFindDetached())("what is noted of an earlier daemon is ended, and nothing else", async () => {
  const directory = tempDirectory();
  for (const name of [COOKIE, "c".repeat(32), "README"]) writeFileSync(join(directory, name), "");
  const [ours, foreign] = [left(COOKIE), left(OTHER)];
  const executor = new Executor(new RunningMarks(directory));
  expect(await executor.endLeft(5_000)).toBe(1);
  expect([isAlive(ours), isAlive(foreign)]).toEqual([false, true]);
  await executor.settled();
  expect(readdirSync(directory)).toEqual(["README"]);
  expect(await executor.endLeft(5_000)).toBe(0);
});

it("a run goes on when it cannot be noted", async () => {
  const directory = tempDirectory();
  const executor = new Executor(new RunningMarks(directory));
  rmSync(directory, { recursive: true });
  const launch = launchOf(fixturePrograms(), "/bin/sh", ["-c", "sleep 1; echo done"]);
  const { exitCode, stdout } = await executor.run(launch, new AbortController().signal);
  expect([exitCode, stdout.bytes.toString()]).toEqual([0, "done\n"]);
  expect(await executor.endLeft(0)).toBe(0);
});
