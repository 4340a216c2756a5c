import { constants, fstatSync, openSync, type Stats } from "node:fs";
import { Socket } from "node:net";
import { Readable, type Writable } from "node:stream";

/** Standard input, output and error of a program that stands for another one, which must leave them as that one would. */

/** How pipes are opened, which not every runtime does alike. Undefined where one cannot be opened by its descriptor. */
export interface Pipes {
  readonly output: (descriptor: number) => Writable | undefined;
  readonly input: () => Readable | undefined;
}

export interface OwnStreams {
  /** Not even opened before it is read; undefined where there is nothing to send. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  /** The same as `stdout` when both are one pipe. */
  readonly stderr: Writable;
}

function statsOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

/**
 * A pipe of ours, opened anew. Reading and writing without blocking is a mark on what is open, which we share with the programs beside us: a
 * shell whose `echo` comes after us must not find its output marked so.
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

const NODE_PIPES: Pipes = {
  output: (descriptor) => pipe(descriptor, constants.O_WRONLY),
  input: () => pipe(0, constants.O_RDONLY),
};

function output(descriptor: 1 | 2, pipes: Pipes): Writable {
  const own = statsOf(descriptor)?.isFIFO() === true ? pipes.output(descriptor) : undefined;
  return own ?? (descriptor === 1 ? process.stdout : process.stderr);
}

async function* chunks(isPipe: boolean, pipes: Pipes): AsyncGenerator<Buffer> {
  const source: Readable = (isPipe ? pipes.input() : undefined) ?? process.stdin;
  for await (const chunk of source as AsyncIterable<Buffer>) yield chunk;
}

/**
 * Standard input, when somebody gives us something: a pipe, a socket or a file, and not a terminal or /dev/null. Not even opened before it is
 * read, so that a command which takes none leaves it to the next one, as in the body of `while read`.
 */
function input(pipes: Pipes): Readable | undefined {
  const stats = statsOf(0);
  if (stats === undefined || !(stats.isFIFO() || stats.isSocket() || stats.isFile())) return undefined;
  return Readable.from(chunks(stats.isFIFO(), pipes), { objectMode: false });
}

function isSame(a: Stats | undefined, b: Stats | undefined): boolean {
  return a?.dev === b?.dev && a?.ino === b?.ino;
}

/** The streams of this process. */
export function ownStreams(pipes = NODE_PIPES): OwnStreams {
  const stdout = output(1, pipes);
  // Standard output and error in one pipe (2>&1) keep their order only in one queue.
  const isOne = statsOf(1)?.isFIFO() === true && isSame(statsOf(1), statsOf(2));
  return { stdin: input(pipes), stdout, stderr: isOne ? stdout : output(2, pipes) };
}
