import { CodedError } from "../../wire/errors.ts";
import type { PageWanted } from "../../wire/request.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { compilePattern, type Pattern } from "../util/pattern.ts";
import { GrepText } from "./grep-text.ts";
import type { Kept } from "./kept.ts";
import { LineReader, type Tested } from "./line-reader.ts";
import { lineStart, nextLine } from "./page-lines.ts";
import type { PagePart } from "./page-bytes.ts";
import { patternCost } from "./pattern-cost.ts";

/** Larger patterns could keep the daemon busy for long with one short text. */
const MAX_COST = 1_000;
/** How long other work may have to wait for a search, unless a single test takes longer. */
const SLICE_MS = 4;
/** A page ends after so much searching; the next one goes on. */
const MAX_SEARCH_MS = 10_000;

/** A compiled pattern from a client. @throws CodedError `request_invalid` */
export function searchPattern(source: string): { readonly pattern: Pattern; readonly cost: number } {
  const compiled = patternCost(source) > MAX_COST ? tooLarge : compilePattern(source);
  if (compiled.ok) return { pattern: compiled.pattern, cost: patternCost(source) };
  throw new CodedError(
    "request_invalid",
    `Invalid request: grep ${quoted(shortened(source, 80))} is not a pattern that can be used: ${shortened(compiled.message, 200)}`,
    { hint: "Write it in RE2 syntax (no look-around, no back references), without large repetitions." },
  );
}

const tooLarge = { ok: false, message: "it repeats too much" } as const;

/** Gives way to other work when a slice of time is over. */
class Slices {
  readonly #end: number;
  #slice: number;

  constructor() {
    const now = performance.now();
    this.#end = now + MAX_SEARCH_MS;
    this.#slice = now + SLICE_MS;
  }

  /** False once the search should end. */
  async pause(signal: AbortSignal): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    this.#slice = now + SLICE_MS;
    return now < this.#end && !signal.aborted;
  }

  get over(): boolean {
    return performance.now() >= this.#slice;
  }
}

/** The lines that hold a pattern, with those around them; stops at `maxLines` of them, or when the page is full. */
export async function grepPage(
  kept: Kept,
  wanted: PageWanted & { readonly unit: "grep" },
  signal: AbortSignal,
): Promise<PagePart> {
  const { pattern, cost } = searchPattern(wanted.pattern);
  const first = await lineStart(kept, wanted.line);
  const text = new GrepText(wanted);
  const slices = new Slices();
  let next = first;

  /** False when the page is complete. */
  const put = (line: Tested): boolean => {
    const stop = text.put(line);
    next = stop ?? { line: line.number + 1, offset: line.end };
    return stop === undefined;
  };

  search: for (const stretch of kept.stream.stretches) {
    if (stretch.to <= first.offset) continue;
    const start = Math.max(first.offset, stretch.from);
    const number = start === stretch.from ? stretch.breaks + 1 : first.line;
    const reader = new LineReader(pattern, cost, { offset: start, line: number });
    for await (const piece of kept.pieces(start, stretch.to)) {
      for (const line of reader.read(piece)) {
        if (line !== undefined && !put(line)) break search;
        if (!slices.over || (await slices.pause(signal))) continue;
        next = reader.behind ?? next;
        break search;
      }
    }
    const open = kept.stream.growing && stretch === kept.last;
    const rest = open ? undefined : reader.rest();
    if (rest !== undefined && !put(rest)) break;
    if (stretch !== kept.last) next = { line: nextLine(kept, stretch, stretch.to, next.line), offset: kept.last.from };
  }
  const { offset, line } = first;
  const { matches } = text;
  return { text: text.text, offset, next_offset: next.offset, line, next_line: next.line, matches };
}
