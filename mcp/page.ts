import type { DaemonCalls, PageRequest } from "../wire/daemon-calls.ts";
import { CLIENT_REPLY_TIMEOUT_MS } from "../wire/limits.ts";
import type { OutputPage } from "../wire/schema.ts";
import { beginningWithin, tokensOf } from "./tokens.ts";
import { readCall } from "./reading.ts";
import { grouped, looksLikeText } from "./shown.ts";
import type { Trouble } from "./trouble.ts";

/** A part of a run's output that fits. */
export interface Page {
  readonly page: OutputPage;
  /** What is shown of it: text also where it is nearly text. */
  readonly text: string;
  readonly encoding: "base64" | undefined;
  /** True when `text` has replacement characters for bytes that are not text. */
  readonly isLossy: boolean;
}

/** Nothing denser than this exists but runs of spaces: asking for more would only be asked for less again. */
const BYTES_PER_TOKEN = 5;
/** The most that a daemon gives at once. */
const MAX_PAGE_BYTES = 1_048_576;
const MIN_PAGE_BYTES = 16;
/** Each asks for a part of what was too much; two are nearly always enough. */
const MAX_TRIES = 6;

function shownOf(page: OutputPage): Page {
  if (page.encoding !== "base64") return { page, text: page.text, encoding: undefined, isLossy: false };
  const text = Buffer.from(page.text, "base64").toString("utf8");
  return looksLikeText(text)
    ? { page, text, encoding: undefined, isLossy: true }
    : { page, text: page.text, encoding: "base64", isLossy: false };
}

/** How long a call that waits may take, in milliseconds. */
export function timeoutFor(waitSeconds: number): number {
  return waitSeconds * 1_000 + CLIENT_REPLY_TIMEOUT_MS;
}

/** Reads a part of a run's output, asking for less until it fits into a number of tokens. @throws CodedError */
export async function readPage(
  client: DaemonCalls,
  request: PageRequest,
  tokens: number,
  signal: AbortSignal,
): Promise<Page | Trouble> {
  let maxBytes = Math.min(request.maxBytes ?? Math.floor(tokens * BYTES_PER_TOKEN), MAX_PAGE_BYTES);
  let waitSeconds = request.waitSeconds ?? 0;
  for (let tries = 1; ; tries++) {
    const options = { signal, timeoutMs: timeoutFor(waitSeconds) };
    const { page, error, code, hint } = await client.read({ ...request, maxBytes, waitSeconds }, options);
    if (page === undefined || page === null) return { reason: error ?? "the daemon gave no page", code, hint };
    const shown = shownOf(page);
    const cost = tokensOf(shown.text);
    if (cost <= tokens) return shown;
    if (tries === MAX_TRIES) return { ...shown, text: beginningWithin(shown.text, tokens) };
    maxBytes = Math.max(MIN_PAGE_BYTES, Math.floor(Math.min(maxBytes, page.text.length) * (tokens / cost) * 0.95));
    waitSeconds = 0;
  }
}

function nextCall({ page }: Page, grep: string | undefined): string {
  const { run_id: runId, stream, next_line: line, next_offset: offset } = page;
  const search = grep === undefined ? "" : ` grep=${JSON.stringify(grep)}`;
  return `${readCall(runId, stream, line === undefined ? { offset } : { line })}${search}`;
}

function position({ page }: Page, grep: string | undefined): string {
  const { stream, line, next_line: nextLine, offset, next_offset: next, matches } = page;
  const all = `of ${grouped(page.total_lines)} lines, ${grouped(page.total_bytes)} bytes`;
  if (line === undefined || nextLine === undefined)
    return next > offset
      ? `${stream}: bytes ${grouped(offset)} to ${grouped(next)} of ${grouped(page.total_bytes)}`
      : `${stream}: nothing from byte ${grouped(offset)} on, of ${grouped(page.total_bytes)}`;
  const range =
    nextLine > line ? `lines ${grouped(line)} to ${grouped(nextLine - 1)}` : `nothing from line ${grouped(line)} on,`;
  return grep === undefined
    ? `${stream}: ${range} ${all}`
    : `${stream}: ${grouped(matches ?? 0)} ${matches === 1 ? "match" : "matches"} in ${range} ${all}`;
}

function continuation(shown: Page, grep: string | undefined): string {
  const { more, state } = shown.page;
  if (!more) return "this is the end";
  const call = nextCall(shown, grep);
  return state === "running" ? `the program is still running; go on: ${call} wait_seconds=30` : `next: ${call}`;
}

/** Where a page stands and how to get the next one; one sentence each. */
export function pageNotes(shown: Page, grep: string | undefined): readonly string[] {
  const { missing } = shown.page;
  return [
    `${position(shown, grep)}; ${continuation(shown, grep)}`,
    ...(missing === undefined ? [] : [`bytes ${grouped(missing.from)} to ${grouped(missing.to)} were not kept`]),
    ...(shown.isLossy ? ["it is not UTF-8; what cannot be read is shown as \uFFFD"] : []),
  ];
}
