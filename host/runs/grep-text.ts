import { byteLength } from "../../wire/text.ts";
import { leftover, unfinished } from "./characters.ts";
import type { Tested } from "./line-reader.ts";
import type { LineStart } from "./page-lines.ts";

/** So much of one line is shown; the whole can be read by its number. */
const MAX_SHOWN = 4_096;

interface Shown extends LineStart {
  readonly text: string;
}

export interface GrepBounds {
  readonly maxLines: number;
  readonly maxBytes: number;
  readonly context: number;
}

function shown({ number, offset, matches, bytes, before, behind }: Tested): Shown {
  const head = bytes.subarray(before > 0 ? leftover(bytes) : 0, MAX_SHOWN);
  const part = head.length < bytes.length || behind > 0 ? head.subarray(0, head.length - unfinished(head)) : head;
  const left = behind + bytes.length - head.length + (head.length - part.length);
  const text = part.toString("utf8");
  const mark = left > 0 ? `… (${left} more bytes)` : "";
  return { line: number, offset, text: `${number}${matches ? ":" : "-"}${before > 0 ? "…" : ""}${text}${mark}\n` };
}

function cut(text: string, maxBytes: number): string {
  const head = Buffer.from(text, "utf8").subarray(0, maxBytes);
  return head.subarray(0, head.length - unfinished(head)).toString("utf8");
}

/** Puts the lines of a search together as `grep -n` does: `N:` before matches, `N-` before lines around them, `--` between groups. */
export class GrepText {
  readonly #bounds: GrepBounds;
  readonly #parts: string[] = [];
  #bytes = 0;
  #matches = 0;
  /** Lines before a match that may come. */
  #before: Tested[] = [];
  /** Lines that are still to be shown behind the last match. */
  #after = 0;
  #last: number | undefined;

  constructor(bounds: GrepBounds) {
    this.#bounds = bounds;
  }

  get text(): string {
    return this.#parts.join("");
  }

  get matches(): number {
    return this.#matches;
  }

  /** Takes the next line. When the page ends here: where the next one begins. */
  put(line: Tested): LineStart | undefined {
    if (line.matches) return this.#match(line);
    if (this.#after > 0) {
      if (!this.#add([shown(line)])) return { line: line.number, offset: line.offset };
      this.#after--;
      return this.#ending(line);
    }
    if (this.#bounds.context > 0) {
      this.#before.push({ ...line, bytes: Buffer.from(line.bytes.subarray(0, MAX_SHOWN + 4)), behind: behindOf(line) });
      if (this.#before.length > this.#bounds.context) this.#before.shift();
    }
    return undefined;
  }

  #match(line: Tested): LineStart | undefined {
    const here = { line: line.number, offset: line.offset };
    if (this.#matches >= this.#bounds.maxLines) return here;
    const group = [...this.#before.map(shown), shown(line)];
    const [start = here] = group;
    this.#before = [];
    if (!this.#add(group)) {
      if (this.#bytes > 0) return { line: start.line, offset: start.offset };
      // Not even the first fits: something of it is shown, or nobody would ever come past it.
      this.#parts.push(cut(shown(line).text, this.#bounds.maxBytes));
      this.#matches++;
      return { line: line.number + 1, offset: line.end };
    }
    this.#matches++;
    this.#after = this.#bounds.context;
    return this.#ending(line);
  }

  #ending(line: Tested): LineStart | undefined {
    const complete = this.#matches >= this.#bounds.maxLines && this.#after === 0;
    return complete ? { line: line.number + 1, offset: line.end } : undefined;
  }

  /** All of them or none. */
  #add(lines: readonly Shown[]): boolean {
    const [first] = lines;
    const apart =
      this.#bounds.context > 0 && this.#last !== undefined && first !== undefined && first.line > this.#last + 1;
    const text = `${apart ? "--\n" : ""}${lines.map((line) => line.text).join("")}`;
    const length = byteLength(text);
    if (this.#bytes + length > this.#bounds.maxBytes) return false;
    this.#parts.push(text);
    this.#bytes += length;
    this.#last = lines.at(-1)?.line;
    return true;
  }
}

/** Bytes that follow, when only the first ones of the part are held on to. */
function behindOf({ bytes, behind }: Tested): number {
  return behind + Math.max(0, bytes.length - MAX_SHOWN - 4);
}
