import { setTimeout as delay } from "node:timers/promises";
import type { StreamName } from "../../wire/names.ts";
import type { OutputPage } from "../../wire/schema.ts";
import type { RunsClient } from "./target-runs.ts";
import { pageBytes } from "./runs-words.ts";

/** Everything that a run wrote from a place on, page by page, byte by byte. */

const PAGE_BYTES = 1_048_576;
const PAGE_LINES = 100_000;
/** How long one request waits for more. */
const WAIT_SECONDS = 60;
/** Between two looks at a place where nothing can be shown yet, such as the first half of a character. */
const PAUSE_MS = 100;

/** Where a copy begins: at a byte, or at a line, counted from the end when it is negative. */
export type Start = { readonly offset: number } | { readonly line: number };

export interface Copy {
  readonly runId: string;
  readonly stream: StreamName;
  readonly start: Start;
  /** Until the run ends; otherwise only what is there now. */
  readonly follow: boolean;
  readonly put: (bytes: Buffer) => Promise<void>;
  /** Told of bytes that were not kept, where they would stand. */
  readonly missing: (from: number, to: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** @throws CodedError `output_lost`, `cancelled` when the signal aborts, and what connecting throws; also what `put` throws */
export async function copyOutput(owner: RunsClient, copy: Copy): Promise<void> {
  const { runId, stream, start, follow, put, missing, signal } = copy;
  const read = async (where: Start, waitSeconds: number): Promise<OutputPage> => {
    const lines = "line" in where ? { maxLines: PAGE_LINES } : {};
    return owner.read({ runId, stream, ...where, ...lines, maxBytes: PAGE_BYTES, waitSeconds }, { signal });
  };
  let page = await read(start, 0);
  const until = follow ? Number.POSITIVE_INFINITY : page.total_bytes;
  let at = "offset" in start ? start.offset : page.offset;
  for (;;) {
    if (page.offset > at) await missing(at, page.offset);
    if (page.next_offset > page.offset) await put(pageBytes(page));
    // A page of lines of a run that goes on leaves out the one that is not complete.
    const stands = page.next_offset <= at && page.line === undefined;
    at = Math.max(at, page.next_offset);
    if (!page.more || at >= until || (stands && !follow)) break;
    if (stands) await delay(PAUSE_MS, undefined, { signal });
    page = await read({ offset: at }, follow ? WAIT_SECONDS : 0);
  }
  if (page.missing !== undefined && page.missing.from <= at && page.missing.to > at) await missing(at, page.missing.to);
}
