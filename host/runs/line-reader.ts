import type { Pattern } from "../util/pattern.ts";
import type { LineStart } from "./page-lines.ts";

/** A line that was searched. */
export interface Tested {
  readonly number: number;
  /** Of its first byte, and behind its line break. */
  readonly offset: number;
  readonly end: number;
  readonly matches: boolean;
  /** Its beginning, or of a long line that matches, the part that does. */
  readonly bytes: Buffer;
  /** Bytes of the line before and behind that part. */
  readonly before: number;
  readonly behind: number;
}

const LINE_BREAK = 10;
const RETURN = 13;
const LARGEST_WINDOW = 8_192;
const SMALLEST_WINDOW = 1_024;
/** What a search costs for one byte is bounded by the size of the pattern; so is, with this, what it costs for one window. */
const WINDOW_WORK = 1_000_000;

/** Cuts a stream into lines and searches them. Long lines are searched in overlapping windows, so that no line has to be held whole. */
export class LineReader {
  readonly #pattern: Pattern;
  readonly #window: number;
  #offset: number;
  #number: number;
  /** Of the line that was begun: what is not searched yet. */
  #pending: Buffer = Buffer.alloc(0);
  #length = 0;
  #shown: { readonly bytes: Buffer; readonly before: number; readonly matches: boolean } | undefined;

  constructor(pattern: Pattern, cost: number, start: LineStart) {
    this.#pattern = pattern;
    this.#window = Math.min(LARGEST_WINDOW, Math.max(SMALLEST_WINDOW, Math.floor(WINDOW_WORK / cost)));
    this.#offset = start.offset;
    this.#number = start.line;
  }

  /** The lines that end in `piece`, which follows what was read before; undefined after each window of a long line, where one may pause. */
  *read(piece: Buffer): Generator<Tested | undefined, void> {
    for (let at = 0; at < piece.length;) {
      const found = piece.indexOf(LINE_BREAK, at);
      const end = found === -1 ? piece.length : found;
      yield* this.#grow(piece.subarray(at, end));
      if (found !== -1) yield this.#finish(1);
      at = end + 1;
    }
  }

  /** How to go on behind what was read, and the rest of the line that was begun: undefined between two lines. */
  get behind(): LineStart | undefined {
    return this.#length === 0 ? undefined : { line: this.#number + 1, offset: this.#offset + this.#length };
  }

  /** What stands behind the last line break, if anything does. */
  rest(): Tested | undefined {
    return this.#length === 0 ? undefined : this.#finish(0);
  }

  *#grow(part: Buffer): Generator<undefined, void> {
    this.#length += part.length;
    let data = this.#pending.length === 0 ? part : Buffer.concat([this.#pending, part]);
    while (data.length > this.#window) {
      this.#test(data.subarray(0, this.#window), this.#length - data.length);
      data = data.subarray(this.#window - this.#window / 4);
      yield undefined;
    }
    this.#pending = data;
  }

  #test(bytes: Buffer, before: number): void {
    if (this.#shown?.matches === true) return;
    const matches = this.#pattern.found(bytes.toString("utf8"));
    if (matches || this.#shown === undefined) this.#shown = { bytes, before, matches };
  }

  #finish(breakLength: number): Tested {
    const data = this.#pending;
    const text = data.at(-1) === RETURN ? data.subarray(0, -1) : data;
    this.#test(text, this.#length - data.length);
    const { bytes, before, matches } = this.#shown ?? { bytes: text, before: 0, matches: false };
    const [number, offset] = [this.#number, this.#offset];
    const end = offset + this.#length + breakLength;
    const behind = this.#length - before - bytes.length - (bytes === text ? data.length - text.length : 0);
    this.#number++;
    this.#offset = end;
    this.#pending = Buffer.alloc(0);
    this.#length = 0;
    this.#shown = undefined;
    return { number, offset, end, matches, bytes, before, behind };
  }
}
