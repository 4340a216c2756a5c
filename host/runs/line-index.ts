/** A place in a stream, and how many line breaks lie before it. */
export interface LinePoint {
  readonly at: number;
  readonly breaks: number;
}

const LINE_BREAK = 10;
const FIRST_SPACING = 262_144;
const MAX_POINTS = 512;

/** Line breaks in `bytes`. */
export function countBreaks(bytes: Buffer): number {
  let count = 0;
  let at = bytes.indexOf(LINE_BREAK);
  while (at !== -1) {
    count++;
    // A native search per line is fast for lines of usual length only.
    if (count > 64 && at < 64 * count) return count + countByWords(bytes, at + 1);
    at = bytes.indexOf(LINE_BREAK, at + 1);
  }
  return count;
}

/** Four bytes at a time: a line break makes one of them zero, and each zero counts one in its byte of `sums`, which holds up to 255. */
function countByWords(bytes: Buffer, from: number): number {
  const start = from + ((4 - ((bytes.byteOffset + from) & 3)) & 3);
  if (start >= bytes.length) return countOneByOne(bytes, from);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, (bytes.length - start) >> 2);
  let count = countOneByOne(bytes.subarray(0, start), from) + countOneByOne(bytes, start + 4 * words.length);
  for (let at = 0; at < words.length;) {
    const end = Math.min(words.length, at + 255);
    let sums = 0;
    for (; at < end; at++) {
      const x = (words[at] ?? 0) ^ 0x0a0a0a0a;
      sums = (sums + ((~(((x & 0x7f7f7f7f) + 0x7f7f7f7f) | x) >>> 7) & 0x01010101)) | 0;
    }
    count += (sums & 255) + ((sums >>> 8) & 255) + ((sums >>> 16) & 255) + (sums >>> 24);
  }
  return count;
}

function countOneByOne(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = from; at < bytes.length; at++) if (bytes[at] === LINE_BREAK) count++;
  return count;
}

/** Just behind the `wanted`th line break of `bytes` (from 1), or how many there are when they are fewer. */
export function behindBreak(
  bytes: Buffer,
  wanted: number,
): { readonly at: number } | { readonly at: undefined; readonly found: number } {
  let found = 0;
  for (let at = bytes.indexOf(LINE_BREAK); at !== -1; at = bytes.indexOf(LINE_BREAK, at + 1)) {
    found++;
    if (found === wanted) return { at: at + 1 };
  }
  return { at: undefined, found };
}

/** Counts the bytes and line breaks of a stream, and notes now and then where it is: at most 512 points, however long it is. */
export class LineIndex {
  readonly #until: number;
  #points: LinePoint[] = [{ at: 0, breaks: 0 }];
  #spacing = FIRST_SPACING;
  #bytes = 0;
  #breaks = 0;

  /** @param until behind this many bytes no points are noted */
  constructor(until: number) {
    this.#until = until;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get breaks(): number {
    return this.#breaks;
  }

  /** In ascending order; the first is the beginning. */
  points(): readonly LinePoint[] {
    return [...this.#points];
  }

  take(bytes: Buffer): void {
    const last = this.#points.at(-1)?.at ?? 0;
    if (this.#bytes - last >= this.#spacing && this.#bytes < this.#until) this.#note();
    this.#bytes += bytes.length;
    this.#breaks += countBreaks(bytes);
  }

  #note(): void {
    this.#points.push({ at: this.#bytes, breaks: this.#breaks });
    if (this.#points.length <= MAX_POINTS) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#spacing *= 2;
  }
}
