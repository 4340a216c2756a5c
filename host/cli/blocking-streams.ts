import { read, write } from "node:fs";
import { Readable, Writable } from "node:stream";
import { errnoOf } from "../../wire/errors.ts";

/**
 * Streams on a descriptor that is read and written by threads which wait. Nothing is marked on what is open, which we share with the programs beside us. For
 * a runtime whose sockets do not take a pipe.
 */

const CHUNK_BYTES = 65_536;
/** How soon it is tried again when somebody beside us has marked it not to be waited for. */
const AGAIN_MS = 5;

function isAgain(error: unknown): boolean {
  return errnoOf(error) === "EAGAIN";
}

function writeAll(descriptor: number, bytes: Buffer, done: (error?: Error) => void): void {
  write(descriptor, bytes, (error, count) => {
    if (error !== null && !isAgain(error)) {
      done(error);
      return;
    }
    const rest = error === null ? bytes.subarray(count) : bytes;
    if (rest.length === 0) done();
    else if (error === null) writeAll(descriptor, rest, done);
    else setTimeout(writeAll, AGAIN_MS, descriptor, rest, done);
  });
}

/** Writes to a descriptor, which stays open. */
export function blockingOutput(descriptor: number): Writable {
  return new Writable({
    highWaterMark: CHUNK_BYTES,
    decodeStrings: true,
    write: (chunk: Buffer, _encoding, done) => {
      writeAll(descriptor, chunk, done);
    },
  });
}

function readSome(descriptor: number, take: (error: Error | null, bytes: Buffer) => void): void {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  read(descriptor, buffer, 0, buffer.length, null, (error, count) => {
    if (error !== null && isAgain(error)) setTimeout(readSome, AGAIN_MS, descriptor, take);
    else take(error, buffer.subarray(0, count));
  });
}

/** Reads a descriptor to its end; it stays open. */
export function blockingInput(descriptor: number): Readable {
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read(): void {
      readSome(descriptor, (error, bytes) => {
        if (error !== null) this.destroy(error);
        else this.push(bytes.length === 0 ? null : bytes);
      });
    },
  });
}
