import { counted } from "./words.ts";
import { GrowingBytes, LastBytes } from "./bytes.ts";
import { isContinuation } from "./utf8.ts";

/** Of a longer line this many bytes are kept at its beginning, and as many at its end. */
export const LINE_PART = 65_536;
/** A line up to this length is kept whole. */
export const LONGEST_LINE = 2 * LINE_PART;

/** A line without its end. */
export interface Line {
  /** Good until the next change of the line. */
  readonly bytes: Buffer;
  /** Bytes in the middle that are not there any more; a mark in the text says so. */
  readonly leftOut: number;
}

/** How a line ended; "" for the last one. */
export type LineEnd = "\n" | "\r\n" | "\r" | "";

/** Takes one line; its bytes are good during the call only. */
export type LineSink = (line: Line, end: LineEnd) => void;

/** Without the beginning of a character at the end. */
function trimmedEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && isContinuation(bytes[end - 1] ?? 0)) end--;
  const lead = bytes[end - 1] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return end - 1 + length === bytes.length ? bytes : bytes.subarray(0, Math.max(0, end - 1));
}

/** Without the end of a character at the beginning. */
function trimmedStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && isContinuation(bytes[start] ?? 0)) start++;
  return bytes.subarray(start);
}

/** A line that comes in pieces and may be of any length. Its memory is bounded. */
export class LineBuffer {
  readonly #front = new GrowingBytes();
  readonly #back = new LastBytes(LINE_PART);
  #leftOut = 0;

  get isEmpty(): boolean {
    return this.#front.length === 0;
  }

  /** Adds what of `bytes` stands from `from` to `to`. */
  append(bytes: Buffer, from: number, to: number): void {
    const middle = Math.min(to, from + LINE_PART - this.#front.length);
    this.#front.append(bytes, from, middle);
    if (to > middle) this.#leftOut += this.#back.push(bytes.subarray(middle, to));
  }

  /** Takes characters off at the end; what was left out in the middle stays left out. */
  takeBack(characters: number): void {
    for (let count = 0; count < characters; count++) {
      let byte = this.#popByte();
      if (byte === undefined) return;
      while (byte !== undefined && isContinuation(byte)) byte = this.#popByte();
    }
  }

  clear(): void {
    this.#front.clear();
    this.#back.clear();
    this.#leftOut = 0;
  }

  line(): Line {
    if (this.#back.length === 0 && this.#leftOut === 0) return { bytes: this.#front.view(), leftOut: 0 };
    const [front, back] = [this.#front.view(), this.#back.copy()];
    if (this.#leftOut === 0) return { bytes: Buffer.concat([front, back]), leftOut: 0 };
    const [first, last] = [trimmedEnd(front), trimmedStart(back)];
    const leftOut = this.#leftOut + front.length - first.length + back.length - last.length;
    const mark = Buffer.from(`[… ${counted(leftOut, "byte")} left out …]`);
    return { bytes: Buffer.concat([first, mark, last]), leftOut };
  }

  #popByte(): number | undefined {
    return this.#back.pop() ?? (this.#leftOut === 0 ? this.#front.pop() : undefined);
  }
}
