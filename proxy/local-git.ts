import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { constants } from "node:os";
import type { Signals } from "../terminal/stop.ts";
import { delimiter, isAbsolute, join } from "node:path";

/** git's commands that speak with a remote; all others are the container's own git's. */
const REMOTE: readonly string[] = ["push", "fetch", "pull", "ls-remote"];
/** git's own options before the command that take the next word. */
const TAKES_NEXT: readonly string[] = [
  "-C",
  "-c",
  "--git-dir",
  "--work-tree",
  "--namespace",
  "--config-env",
  "--exec-path",
  "--super-prefix",
];

const EXIT_NOT_FOUND = 127;

/** True when the words behind `git` are for the container's own git. */
export function isLocalGit(words: readonly string[]): boolean {
  let at = 0;
  while (words[at]?.startsWith("-") === true) at += TAKES_NEXT.includes(words[at] ?? "") ? 2 : 1;
  return !REMOTE.includes(words[at] ?? "");
}

function identity(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats?.isFile() === true && (stats.mode & 0o111n) !== 0n ? `${stats.dev}:${stats.ino}` : undefined;
}

/** The container's own git: the first on PATH that is none of our files. */
export function findGit(path: string, ours: readonly string[]): string | undefined {
  const known = new Set(ours.map(identity));
  return path
    .split(delimiter)
    .filter(isAbsolute)
    .map((directory) => join(directory, "git"))
    .find((file) => {
      const found = identity(file);
      return found !== undefined && !known.has(found);
    });
}

/** Lets git have our streams, and gives its exit code. Signals of the terminal reach it by themselves; others are passed on. */
export async function runGit(git: string, words: readonly string[], signals: Signals): Promise<number> {
  const child = spawn(git, [...words], { stdio: "inherit" });
  for (const name of ["SIGTERM", "SIGHUP", "SIGINT"] as const) signals.on(name, () => void child.kill(name));
  return new Promise((resolve) => {
    child.once("error", () => {
      resolve(EXIT_NOT_FOUND);
    });
    child.once("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}
