import { spawn } from "node:child_process";
import { constants } from "node:os";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import { printable } from "../../wire/text.ts";
import type { Command } from "./command.ts";

/** A program that has our terminal, or our standard streams, for itself. It is in our process group, so that Ctrl-C reaches it from the terminal. */
export interface Foreground {
  readonly command: Command;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Signals that are passed on. SIGINT comes from the terminal, to the program too. */
const PASSED: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP"];

/** What a program reads, and who is told of what it writes. */
export interface Fed {
  /** Bytes, or an open file that the caller closes. */
  readonly input: Buffer | number;
  readonly written: (stream: StreamName, bytes: Buffer) => void;
  /** Aborting ends it. */
  readonly signal: AbortSignal;
}

/** How long its last words are waited for when it has ended: somebody else may hold its output open. */
const LAST_WORDS_MS = 500;

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}

function startError(command: Command, error: Error): CodedError {
  const missing = errnoOf(error) === "ENOENT";
  const text = missing
    ? `Command not found: ${printable(command.file)}`
    : `could not start ${printable(command.file)}: ${errnoOf(error) ?? error.message}`;
  return new CodedError(missing ? "command_not_found" : "spawn_failed", text);
}

/**
 * Runs a program that may ask questions on our terminal, as ssh does for a password, with an input of ours, until it ends.
 * @returns the exit code; 128+n when signal n ended it
 * @throws CodedError `command_not_found`, `spawn_failed`
 */
export async function runFed({ command, args, env }: Foreground, { input, written, signal }: Fed): Promise<number> {
  const stdin = typeof input === "number" ? input : "pipe";
  const child = spawn(command.file, [...args], { argv0: command.argv0, env, stdio: [stdin, "pipe", "pipe"], signal });
  // It may end without reading everything.
  child.stdin?.on("error", () => undefined);
  if (typeof input !== "number") child.stdin?.end(input);
  child.stdout?.on("data", (bytes: Buffer) => {
    written("stdout", bytes);
  });
  child.stderr?.on("data", (bytes: Buffer) => {
    written("stderr", bytes);
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      if (error.name !== "AbortError") reject(startError(command, error));
    });
    let timer: NodeJS.Timeout | undefined;
    child.once("close", (code, ended) => {
      clearTimeout(timer);
      resolve(exitCodeOf(code, ended));
    });
    child.once("exit", (code, ended) => {
      timer = setTimeout(() => {
        resolve(exitCodeOf(code, ended));
      }, LAST_WORDS_MS);
    });
  });
}

/**
 * Runs a program with our standard streams until it ends. Signals that would end us are passed on to it, and we go on to wait.
 * @param terminal false: SIGINT is sent to us alone, and is passed on too
 * @param overdue called once, this many milliseconds after the first signal was passed on, when the program has still not ended
 * @returns the exit code; 128+n when signal n ended it
 * @throws CodedError `command_not_found`, `spawn_failed`
 */
export async function runInForeground(
  { command, args, env }: Foreground,
  terminal: boolean,
  overdue: { readonly afterMs: number; readonly work: () => void },
): Promise<number> {
  const child = spawn(command.file, [...args], { argv0: command.argv0, env, stdio: "inherit" });
  let timer: NodeJS.Timeout | undefined;
  const pass = (name: NodeJS.Signals): void => {
    child.kill(name);
    timer ??= setTimeout(overdue.work, overdue.afterMs);
  };
  const handlers = new Map<NodeJS.Signals, () => void>([
    ...PASSED.map((name): [NodeJS.Signals, () => void] => [
      name,
      () => {
        pass(name);
      },
    ]),
    [
      "SIGINT",
      () => {
        if (!terminal) pass("SIGINT");
      },
    ],
  ]);
  for (const [name, handler] of handlers) process.on(name, handler);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("exit", (code, signal) => {
        resolve(exitCodeOf(code, signal));
      });
      child.once("error", (error) => {
        reject(startError(command, error));
      });
    });
  } finally {
    clearTimeout(timer);
    for (const [name, handler] of handlers) process.removeListener(name, handler);
  }
}
