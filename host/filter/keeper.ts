import type { FilterRules } from "../project/types.ts";
import { GrowingBytes, LastBytes } from "./bytes.ts";
import type { Line, LineEnd } from "./line.ts";
import { counted, grouped } from "./words.ts";

/** Text that is kept in all, whatever the rules say. */
export const KEPT_BYTES = 1_048_576;

const LINE_FEED = 0x0a;
const ENDS: Readonly<Record<LineEnd, Buffer>> = {
  "\n": Buffer.from("\n"),
  "\r\n": Buffer.from("\r\n"),
  "\r": Buffer.from("\r"),
  "": Buffer.alloc(0),
};

/** Text of whole lines: the last `most` of those that are in `bytes`, and how many that is. */
function lastLines(bytes: Buffer, most: number): { readonly bytes: Buffer; readonly count: number } {
  let count = 0;
  let start = bytes.length;
  while (start > 0 && count < most) {
    // From before the end of the line: the last one may have none.
    start = bytes.subarray(0, start - 1).lastIndexOf(LINE_FEED) + 1;
    count++;
  }
  return { bytes: bytes.subarray(start), count };
}

/** Keeps the first and the last lines, and says in between how many are missing. */
export class Keeper {
  readonly #headLines: number;
  readonly #headBytes: number;
  readonly #head = new GrowingBytes();
  #headCount = 0;
  #headIsFull = false;
  readonly #tailLines: number;
  readonly #tail: LastBytes;
  #tailIsCut = false;
  #total = 0;
  #leftOutBytes = 0;

  constructor(rule: FilterRules["maxLines"]) {
    const { head, tail } = rule ?? { head: Infinity, tail: Infinity };
    this.#headLines = head;
    this.#tailLines = tail;
    this.#headBytes = tail === 0 ? KEPT_BYTES : KEPT_BYTES / 2;
    this.#tail = new LastBytes(head === 0 ? KEPT_BYTES : KEPT_BYTES / 2);
  }

  add({ bytes, leftOut }: Line, end: LineEnd): void {
    this.#total++;
    this.#leftOutBytes += leftOut;
    this.#headIsFull ||=
      this.#headCount >= this.#headLines || this.#head.length + bytes.length + end.length > this.#headBytes;
    if (this.#headIsFull) {
      this.#addToTail(bytes);
      this.#addToTail(ENDS[end]);
    } else {
      this.#headCount++;
      this.#head.append(bytes);
      this.#head.append(ENDS[end]);
    }
  }

  /** Takes many whole lines at once, each with its end, if that is possible by now. */
  addMany(bytes: Buffer): boolean {
    if (!this.#headIsFull) return false;
    for (const byte of bytes) if (byte === LINE_FEED) this.#total++;
    this.#addToTail(bytes);
    return true;
  }

  /** What is kept, with a mark in the place of what is not, and what is missing, in words. */
  result(): { readonly text: string; readonly dropped: readonly string[] } {
    const tail = this.#lastLines();
    const missing = this.#total - this.#headCount - tail.count;
    const mark = missing === 0 ? "" : `[… ${counted(missing, "line")} left out …]\n`;
    return {
      text: this.#head.view().toString("utf8") + mark + tail.bytes.toString("utf8"),
      dropped: [
        ...(this.#leftOutBytes === 0 ? [] : [`${counted(this.#leftOutBytes, "byte")} inside long lines`]),
        ...(missing === 0 ? [] : [`${grouped(missing)} of ${counted(this.#total, "line")}`]),
      ],
    };
  }

  #addToTail(bytes: Buffer): void {
    if (this.#tailLines > 0) this.#tailIsCut = this.#tail.push(bytes) > 0 || this.#tailIsCut;
  }

  #lastLines(): ReturnType<typeof lastLines> {
    const bytes = this.#tail.copy();
    // What is left of the line that the oldest bytes belonged to is none.
    const whole = this.#tailIsCut ? bytes.subarray(bytes.indexOf(LINE_FEED) + 1) : bytes;
    return lastLines(whole, this.#tailLines);
  }
}
