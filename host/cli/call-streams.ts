import { constants, fstatSync, openSync, type Stats } from "node:fs";
import { Socket } from "node:net";
import { Readable, type Writable } from "node:stream";
import { isatty } from "node:tty";
import { IS_BUN } from "../util/runtime.ts";
import { blockingInput, blockingOutput } from "./blocking-streams.ts";
import { call, type CallSurroundings } from "./call-run.ts";
import { styleFor } from "./style.ts";

/** The streams of this process, for `call`. */

const USUAL_COLUMNS = 80;

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

/**
 * A pipe of ours, opened anew. Reading and writing without blocking is a mark on what is open, which we share with the programs beside us: a
 * shell whose `echo` comes after us must not find its output marked so. Undefined where the system does not open pipes by descriptor.
 */
function pipe(descriptor: number, mode: number): Socket | undefined {
  try {
    const fd = openSync(`/proc/self/fd/${descriptor}`, mode | constants.O_NONBLOCK);
    const writes = mode === constants.O_WRONLY;
    return new Socket({ fd, readable: !writes, writable: writes });
  } catch {
    return undefined;
  }
}

function outputPipe(descriptor: number): Writable | undefined {
  // Bun's sockets neither read a pipe nor wait until one can be written to.
  return IS_BUN ? blockingOutput(descriptor) : pipe(descriptor, constants.O_WRONLY);
}

function inputPipe(): Readable | undefined {
  return IS_BUN ? blockingInput(0) : pipe(0, constants.O_RDONLY);
}

function output(descriptor: 1 | 2): Writable {
  const own = statsOf(descriptor)?.isFIFO() === true ? outputPipe(descriptor) : undefined;
  return own ?? (descriptor === 1 ? process.stdout : process.stderr);
}

async function* chunks(isPipe: boolean): AsyncGenerator<Buffer> {
  const source: Readable = (isPipe ? inputPipe() : undefined) ?? process.stdin;
  for await (const chunk of source as AsyncIterable<Buffer>) yield chunk;
}

/**
 * Standard input, when somebody gives us something: a pipe, a socket or a file, and not a terminal or /dev/null. Not even opened before it is
 * read, so that a command which takes none leaves it to the next one, as in the body of `while read`.
 */
function input(): Readable | undefined {
  const stats = statsOf(0);
  if (stats === undefined || !(stats.isFIFO() || stats.isSocket() || stats.isFile())) return undefined;
  return Readable.from(chunks(stats.isFIFO()), { objectMode: false });
}

function isSame(a: Stats | undefined, b: Stats | undefined): boolean {
  return a?.dev === b?.dev && a?.ino === b?.ino;
}

/** What `call` gets of this process. */
export function callSurroundings(): CallSurroundings {
  const { env: environment } = process;
  const stdout = output(1);
  // Standard output and error in one pipe (2>&1) keep their order only in one queue.
  const isOne = statsOf(1)?.isFIFO() === true && isSame(statsOf(1), statsOf(2));
  const stderr = isOne ? stdout : output(2);
  // Not asked of process.stdout, which would be made, and mark a pipe, by asking.
  const canShow = isatty(2) && !isatty(1);
  const mayShow = styleFor(canShow, environment) !== styleFor(false, environment);
  return {
    environment,
    stdin: input(),
    stdout,
    stderr,
    // A terminal that does not say how wide it is says 0.
    statusColumns: mayShow ? (process.stderr.columns > 0 ? process.stderr.columns : USUAL_COLUMNS) : undefined,
    signals: process,
  };
}

/** Runs `call` with the streams of this process. Returns the exit code, or "help" when that is to be shown. */
export async function callInProcess(argv: readonly string[]): Promise<number | "help"> {
  return call(argv, callSurroundings());
}
