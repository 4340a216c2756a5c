import { CodedError } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import type { PageWanted } from "../../wire/request.ts";
import type { OutputPage } from "../../wire/schema.ts";
import type { Kept } from "./kept.ts";
import { bytesPage, type PagePart } from "./page-bytes.ts";
import { grepPage, searchPattern } from "./page-grep.ts";
import { linesPage } from "./page-lines.ts";
import type { RunRecord } from "./run-record.ts";
import type { StreamState } from "./stored-stream.ts";

/** True when something is there at the place that is asked for; of a run that goes on, lines are there once they are complete. */
function isThere({ bytes, lines }: StreamState, wanted: PageWanted): boolean {
  if (wanted.unit === "bytes") return bytes > Math.max(0, wanted.offset);
  return lines >= Math.max(1, wanted.line);
}

async function untilThere(
  record: RunRecord,
  stream: StreamName,
  wanted: PageWanted,
  end: number,
  signal: AbortSignal,
): Promise<void> {
  while (record.state === "running" && !isThere(record.streams[stream], wanted)) {
    const left = end - performance.now();
    if (left <= 0 || signal.aborted) return;
    await record.changed.wait(left, signal);
  }
}

async function part(kept: Kept, wanted: PageWanted, signal: AbortSignal): Promise<PagePart> {
  switch (wanted.unit) {
    case "bytes":
      return bytesPage(kept, wanted);
    case "lines":
      return linesPage(kept, wanted);
    case "grep":
      return grepPage(kept, wanted, signal);
  }
}

/** What is there may be half a character, of which no page is made; the other half is looked for so often. */
const HALF_MS = 200;

/** A page of a run's output, when it is there or the time is over. @throws CodedError `request_invalid`, `output_lost` */
export async function readPage(
  record: RunRecord,
  stream: StreamName,
  wanted: PageWanted,
  waitMs: number,
  signal: AbortSignal,
): Promise<OutputPage> {
  if (wanted.unit === "grep") searchPattern(wanted.pattern); // what cannot be searched for is not waited for
  await record.recovered;
  const end = performance.now() + waitMs;
  for (;;) {
    await untilThere(record, stream, wanted, end, signal);
    const page = await pageNow(record, stream, wanted, signal);
    const left = end - performance.now();
    if (page.state !== "running" || page.next_offset > page.offset || left <= 0 || signal.aborted) return page;
    await record.changed.wait(Math.min(left, HALF_MS), signal);
  }
}

async function pageNow(
  record: RunRecord,
  stream: StreamName,
  wanted: PageWanted,
  signal: AbortSignal,
): Promise<OutputPage> {
  const state = record.streams[stream];
  if (state.lost) throw new CodedError("output_lost", `The ${stream} of this run could not be kept`);
  const [runState, missing, kept] = [record.state, state.missing, state.kept()];
  try {
    const found = await part(kept, wanted, signal);
    return {
      run_id: record.about.id,
      stream,
      state: runState,
      ...found,
      more: runState === "running" || found.next_offset < kept.end,
      total_bytes: kept.stream.bytes,
      total_lines: kept.stream.breaks,
      ...(missing === undefined ? {} : { missing }),
    };
  } finally {
    await kept.close();
  }
}
