import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Launch } from "../../host/exec/run.ts";

/** True while the process runs; one that has ended and was not yet waited for counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    const state = /^\d+ \(.*\) (\S)/su.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
    return state !== "Z" && state !== "X";
  } catch {
    return false;
  }
}

/** The number that a program writes into a file, as soon as it is there. */
export async function pidIn(file: string): Promise<number> {
  for (;;) {
    try {
      const text = readFileSync(file, "utf8");
      if (text.endsWith("\n")) return Number(text);
    } catch {
      // not there yet
    }
    await sleep(10);
  }
}

/** Waits until the process is gone; false when it is not within the time. */
export async function isGoneWithin(pid: number, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

function wordsOf(pid: number, name: "environ" | "cmdline"): readonly string[] {
  return readFileSync(`/proc/${pid}/${name}`, "utf8").split("\0").slice(0, -1);
}

/** `NAME=value`, one each. */
export function environmentOf(pid: number): readonly string[] {
  return wordsOf(pid, "environ");
}

export function argumentsOf(pid: number): readonly string[] {
  return wordsOf(pid, "cmdline");
}

/** Processes that have this text in their command line, whose words are separated by blanks here. */
export function processesWith(text: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    try {
      return argumentsOf(pid).join(" ").includes(text) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** A program of the fixtures, or one named by an absolute path, with generous limits. */
export function launchOf(
  bin: string,
  program: string,
  args: readonly string[] = [],
  changes: Partial<Launch> = {},
): Launch {
  const file = program.startsWith("/") ? program : join(bin, program);
  return {
    command: { file, argv0: file },
    args,
    env: new Map([["PATH", process.env["PATH"] ?? "/usr/bin:/bin"]]),
    cwd: "/",
    timeoutMs: 20_000,
    graceMs: 300,
    maxStdoutBytes: 1_048_576,
    maxStderrBytes: 65_536,
    ...changes,
  };
}
