import { isUtf8 } from "node:buffer";
import type { Span } from "../util/pattern.ts";
import type { StreamRedactor } from "./redactor.ts";
import { maskOf } from "./rule-book.ts";

/** A pattern of the owner's. */
export interface OwnPattern {
  readonly name: string;
  readonly find: (text: string) => readonly Span[];
}

/** A longer line is looked at in pieces. */
const MOST_LINE = 8_192;
/** What a piece has in common with the one before: matches as long as this are found wherever the line was cut. */
const OVERLAP = 1_024;
const LF = 0x0a;
const NONE = Buffer.alloc(0);

interface Found {
  readonly from: number;
  readonly to: number;
  readonly mask: Buffer;
}

function inBytes(text: string, [from, to]: Span): Span {
  const start = Buffer.byteLength(text.slice(0, from));
  return [start, start + Buffer.byteLength(text.slice(from, to))];
}

/**
 * Masks what the owner's patterns match in a line. A pattern may begin with anything, so a line leaves when it has ended, or is longer than 8,192 bytes.
 */
export class LinePatterns implements StreamRedactor {
  readonly #patterns: readonly (OwnPattern & { readonly mask: Buffer })[];
  /** Of the line that has not ended. */
  #parts: Buffer[] = [];
  #length = 0;
  #count = 0;

  constructor(patterns: readonly OwnPattern[]) {
    this.#patterns = patterns.map((pattern) => ({ ...pattern, mask: maskOf(pattern.name) }));
  }

  get count(): number {
    return this.#count;
  }

  write(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    let from = 0;
    while (from < bytes.length) {
      const at = bytes.indexOf(LF, from);
      const room = from + MOST_LINE - this.#length;
      const to = Math.min(at < 0 ? bytes.length : at + 1, room);
      this.#add(bytes.subarray(from, to));
      from = to;
      if (to - 1 === at) out.push(this.#masked(this.#line(), true));
      else if (this.#length === MOST_LINE) out.push(this.#masked(this.#line(), false));
    }
    return out.length === 0 ? NONE : Buffer.concat(out);
  }

  end(): Buffer {
    return this.#masked(this.#line(), true);
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#parts.length > 256) this.#parts = [Buffer.concat(this.#parts)];
  }

  #line(): Buffer {
    const line = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return line;
  }

  /** @param whole false: the line goes on, and its last part is looked at again */
  #masked(line: Buffer, whole: boolean): Buffer {
    const limit = whole ? line.length : line.length - OVERLAP;
    const out: Buffer[] = [];
    let done = 0;
    for (const { from, to, mask } of this.#find(line)) {
      if (from >= limit || to <= done) continue;
      if (from >= done) {
        out.push(line.subarray(done, from), mask);
        this.#count++;
      }
      done = to;
    }
    const stop = Math.max(done, limit);
    out.push(line.subarray(done, stop));
    this.#add(Buffer.from(line.subarray(stop)));
    return Buffer.concat(out);
  }

  #find(line: Buffer): readonly Found[] {
    const isText = isUtf8(line);
    const text = line.toString(isText ? "utf8" : "latin1").replace(/\r?\n$/, "");
    return this.#patterns
      .flatMap(({ find, mask }) =>
        find(text).map((span): Found => {
          const [from, to] = isText ? inBytes(text, span) : span;
          return { from, to, mask };
        }),
      )
      .sort((a, b) => a.from - b.from);
  }
}
