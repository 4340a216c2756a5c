import { spawn } from "node:child_process";
import { constants } from "node:os";
import { CodedError, errnoOf } from "../../wire/errors.ts";
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
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
      });
      child.once("error", (error) => {
        const missing = errnoOf(error) === "ENOENT";
        const text = missing
          ? `Command not found: ${printable(command.file)}`
          : `could not start ${printable(command.file)}: ${errnoOf(error) ?? error.message}`;
        reject(new CodedError(missing ? "command_not_found" : "spawn_failed", text));
      });
    });
  } finally {
    clearTimeout(timer);
    for (const [name, handler] of handlers) process.removeListener(name, handler);
  }
}
