import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const NEWLINE = 0x0a;
/** The most that is held of a file, and the longest line that comes out in one piece: more than any record. */
const CHUNK = 1_048_576;

/** A line of the log. Its bytes are good until the next one is asked for. */
export interface Line {
  readonly bytes: Buffer;
  /** Where it begins in its file. */
  readonly offset: number;
  /** False for what stands at the end of a file without a line end, and for parts of lines that are longer than a megabyte. */
  readonly isWhole: boolean;
}

/**
 * The lines of a file from a place on. Throws system errors.
 * @param from a byte where a line begins
 */
export function* linesFrom(path: string, from = 0): Generator<Line, void> {
  const fd = openSync(path, READ);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    let filled = buffer.subarray(0, 0);
    let base = from;
    for (;;) {
      let start = 0;
      for (let end = filled.indexOf(NEWLINE); end >= 0; end = filled.indexOf(NEWLINE, start)) {
        yield { bytes: filled.subarray(start, end), offset: base + start, isWhole: true };
        start = end + 1;
      }
      const rest = filled.length - start;
      if (rest === CHUNK) {
        yield { bytes: filled, offset: base, isWhole: false };
        start = CHUNK;
      }
      const kept = filled.length - start;
      buffer.copyWithin(0, start, filled.length);
      base += start;
      const count = readSync(fd, buffer, kept, CHUNK - kept, base + kept);
      filled = buffer.subarray(0, kept + count);
      if (count > 0) continue;
      if (kept > 0) yield { bytes: filled, offset: base, isWhole: false };
      return;
    }
  } finally {
    closeSync(fd);
  }
}

/** The lines of a file from its end to its beginning. Throws system errors. */
export function* linesBackwards(path: string): Generator<Line, void> {
  const fd = openSync(path, READ);
  try {
    let place = fstatSync(fd).size;
    /** What was read, and stands before lines that came out already. */
    let rest = Buffer.alloc(0);
    let isWhole = false;
    while (place > 0 || rest.length > 0) {
      const end = rest.lastIndexOf(NEWLINE);
      if (end >= 0 || place === 0 || rest.length >= CHUNK) {
        const bytes = rest.subarray(end + 1);
        if (bytes.length > 0 || isWhole)
          yield { bytes, offset: place + end + 1, isWhole: isWhole && (end >= 0 || place === 0) };
        isWhole = end >= 0;
        rest = rest.subarray(0, Math.max(end, 0));
        if (end < 0 && place === 0) return;
        continue;
      }
      const size = Math.min(place, CHUNK / 4);
      const chunk = Buffer.allocUnsafe(size + rest.length);
      const count = readSync(fd, chunk, 0, size, place - size);
      if (count < size) return; // cut by somebody meanwhile
      rest.copy(chunk, size);
      rest = chunk;
      place -= size;
    }
  } finally {
    closeSync(fd);
  }
}
