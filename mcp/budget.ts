import { beginningWithin, endWithin, tokensOf } from "./tokens.ts";

/**
 * How much of a run a result may show. Clients cut results themselves, at 25,000 tokens or earlier, and then it is the end that is lost,
 * where errors are.
 */

/** More than a client's 10 MB for one message could hold, text and data together, is never shown, whatever the options say. */
const MOST_TOKENS = 400_000;
/** Headings, exit code, what was left out and how to read it. */
const AROUND_TOKENS = 700;
const LEAST_TOKENS = 200;
/** More bytes than this for one estimated token do not exist, except in runs of spaces. */
const BYTES_PER_TOKEN = 6;
/** Part of what a stream may have that its beginning gets; the end tells how it went. */
const HEAD_SHARE = 0.4;
/** Part of all that standard error may have when standard output wants everything. */
const STDERR_SHARE = 0.25;
const FAILED_STDERR_SHARE = 0.5;

/** Tokens that remain for what others wrote, beside our own words. */
export function tokensForOutput(maxTokens: number, ownWords = ""): number {
  return Math.max(LEAST_TOKENS, Math.min(maxTokens, MOST_TOKENS) - AROUND_TOKENS - tokensOf(ownWords));
}

/** Bytes of a stream that are worth keeping at its beginning, and at its end. */
export function bytesWorthKeeping(maxTokens: number): number {
  return BYTES_PER_TOKEN * Math.max(LEAST_TOKENS, Math.min(maxTokens, MOST_TOKENS));
}

/** A text of ours or the daemon's that is expected to be short. */
export function clipped(text: string, tokens: number): string {
  return tokensOf(text) <= tokens ? text : `${beginningWithin(text, tokens)}…`;
}

export interface Wants {
  readonly stdout: number;
  readonly stderr: number;
}

/** Divides tokens between the streams; what one does not need the other gets. A failure is mostly in standard error. */
export function shares(tokens: number, wants: Wants, failed: boolean): Wants {
  const reserved = tokens * (failed ? FAILED_STDERR_SHARE : STDERR_SHARE);
  const stderr = Math.min(wants.stderr, Math.max(reserved, tokens - wants.stdout));
  return { stdout: Math.min(wants.stdout, tokens - stderr), stderr };
}

/** The beginning and the end of a text that was too long. */
export interface Ends {
  readonly head: string;
  readonly tail: string;
  /** True when both are whole lines. */
  readonly atLines: boolean;
}

/** The part up to its last line end, unless that would lose more than half of it. */
function wholeLinesAtEnd(part: string): string {
  const end = part.lastIndexOf("\n") + 1;
  return end * 2 > part.length ? part.slice(0, end) : part;
}

/** The part from its first line on, unless that would lose more than half of it. `before`: what stands in front of it, if it is known. */
function wholeLinesAtStart(part: string, before: string): string {
  if (before.endsWith("\n")) return part;
  const start = part.indexOf("\n") + 1;
  return start > 0 && start * 2 < part.length ? part.slice(start) : part;
}

/**
 * Beginning and end within a number of tokens, cut at line ends where there are some. `last` is where the end is taken from; it may be
 * the same text as `first`, then the two parts do not overlap.
 */
export function ends(first: string, last: string, tokens: number): Ends {
  const head = wholeLinesAtEnd(beginningWithin(first, tokens * HEAD_SHARE));
  const rest = first === last ? last.slice(head.length) : last;
  const raw = endWithin(rest, tokens - tokensOf(head));
  const tail = wholeLinesAtStart(raw, rest.slice(0, rest.length - raw.length));
  const before = rest.slice(0, rest.length - tail.length);
  return { head, tail, atLines: head.endsWith("\n") && (before.endsWith("\n") || tail === "") };
}
