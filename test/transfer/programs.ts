import { spawn, type ChildProcessByStdio, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { buildSync } from "esbuild";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

/** The programs of the room, as `send OPTION…` and `receive OPTION…`. It says in the end what memory it took at most, in KiB. */
const ENTRY = `
import { readFileSync } from "node:fs";
import { runReceive, runSend } from "./program.ts";
const [which, ...words] = process.argv.slice(2);
process.exitCode =
  which === "send"
    ? await runSend(words, process.stdout, process.stderr)
    : await runReceive(words, process.stdin, process.stdout);
const peak = /VmHWM:\\s+([0-9]+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "?";
process.stderr.write(\`peak \${peak}\\n\`);
`;

/** The room's programs as one file that starts fast and that any user can read. */
export function transferProgram(): string {
  const outdir = tempDirectory();
  chmodSync(outdir, 0o755);
  const outfile = join(outdir, "transfer.mjs");
  buildSync({
    stdin: { contents: ENTRY, resolveDir: join(projectRoot, "transfer"), loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: {
      js: 'import { createRequire as transferCreateRequire } from "node:module"; const require = transferCreateRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  return outfile;
}

export interface Ended {
  /** Exit code, or the name of the signal. */
  readonly exit: number | string;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export type Running = ChildProcessByStdio<Writable, Readable, Readable>;

export function start(command: readonly [string, ...string[]], options: SpawnOptions = {}): Running {
  const [file, ...args] = command;
  return spawn(file, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
}

/** Waits for the end of a process whose output is kept. */
export async function ended(child: Running): Promise<Ended> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.stderr.on("data", (piece: Buffer) => err.push(piece));
  child.stdin.on("error", () => undefined);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { exit: code ?? signal ?? "?", stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() };
}

/** Waits until something is so. */
export async function until<T>(what: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = what();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The line of JSON that a program says in the end. */
export function reportIn(text: Buffer | string): Record<string, unknown> {
  const line = text
    .toString()
    .split("\n")
    .find((one) => one.startsWith("{"));
  return JSON.parse(line ?? "null") as Record<string, unknown>;
}
