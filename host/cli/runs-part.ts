import { CodedError } from "../../wire/errors.ts";
import { STREAMS, type StreamName } from "../../wire/names.ts";
import type { OutputPage } from "../../wire/schema.ts";
import { printableLines, quoted, shortened } from "../../wire/text.ts";
import type { RunsClient } from "./target-runs.ts";
import { wholeNumber } from "./runs-find.ts";
import { pageBytes } from "./runs-words.ts";

/** A part of what a run wrote, for people to read: one page of each stream. */

const DEFAULT_TAIL = 20;
const MAX_BYTES = 1_048_576;
const MAX_LINES = 100_000;
const MAX_LINE_NUMBER = 999_999_999;

export type Part =
  /** From a line on, counted from 1, or from the end; up to and with the line `to`, when that was said. */
  | { readonly kind: "lines"; readonly from: number; readonly count: number; readonly to?: number }
  | { readonly kind: "grep"; readonly pattern: string };

export interface PartOptions {
  readonly lines: string | undefined;
  readonly grep: string | undefined;
  readonly tail: string | undefined;
}

/** @throws CodedError `usage` */
export function checkStreams(text: string): readonly StreamName[] {
  const found = text === "both" ? STREAMS : STREAMS.filter((name) => name === text);
  if (found.length > 0) return found;
  throw new CodedError("usage", `--stream ${quoted(shortened(text, 60))} is no stream of a run`, {
    hint: `Write one of: ${STREAMS.join(", ")}, both.`,
  });
}

/** `A-B`, `A-` or `A`. */
function lineRange(text: string): Part {
  const [, from = "", dash, to = ""] = /^(\d{1,9})(?:(-)(\d{1,9})?)?$/.exec(text) ?? [];
  const first = Number(from);
  const last = dash === undefined ? first : to === "" ? MAX_LINE_NUMBER : Number(to);
  if (first < 1 || last < first)
    throw new CodedError("usage", `--lines ${quoted(shortened(text, 60))} is no range of lines`, {
      hint: "Write --lines=20-40, or --lines=20- for everything from there.",
    });
  return { kind: "lines", from: first, count: Math.min(last - first + 1, MAX_LINES), to: last };
}

/** @throws CodedError `usage` */
export function checkPart({ lines, grep, tail }: PartOptions): Part {
  if ([lines, grep, tail].filter((one) => one !== undefined).length > 1)
    throw new CodedError("usage", "--lines, --grep and --tail do not go together", { hint: "Give one of them." });
  if (lines !== undefined) return lineRange(lines);
  if (grep !== undefined) return { kind: "grep", pattern: grep };
  const count = tail === undefined ? DEFAULT_TAIL : wholeNumber("--tail", tail, 1, MAX_LINES);
  return { kind: "lines", from: -count, count };
}

/** Searching takes as many pages as it needs until there is enough to show. */
async function search(owner: RunsClient, runId: string, stream: StreamName, grep: string): Promise<OutputPage> {
  const ask = async (line: number): Promise<OutputPage> =>
    owner.read({ runId, stream, grep, line, maxLines: MAX_LINES, maxBytes: MAX_BYTES });
  const first = await ask(1);
  let [last, text, matches] = [first, first.text, first.matches ?? 0];
  while (last.next_offset > last.offset && last.next_offset < last.total_bytes && text.length < MAX_BYTES) {
    last = await ask(last.next_line ?? 1);
    text += last.text;
    matches += last.matches ?? 0;
  }
  const { offset, line } = first;
  return { ...last, text, offset, matches, ...(line === undefined ? {} : { line }) };
}

/** @throws CodedError also `request_invalid` (a pattern), `output_lost` */
export async function readPart(owner: RunsClient, runId: string, stream: StreamName, part: Part): Promise<OutputPage> {
  if (part.kind === "grep") return search(owner, runId, stream, part.pattern);
  return owner.read({ runId, stream, line: part.from, maxLines: part.count, maxBytes: MAX_BYTES });
}

function heading({ stream, line = 1, next_line: next = 1, matches, total_lines: ends }: OutputPage): string {
  if (matches !== undefined) return `${stream}, ${matches} ${matches === 1 ? "match" : "matches"}:`;
  if (next <= line) return `${stream}, no such lines of ${ends}`;
  // The last line may have no end.
  return `${stream}, lines ${line} to ${next - 1} of ${Math.max(ends, next - 1)}:`;
}

/** What is wanted and not shown is said, with the way to it. */
function rest(page: OutputPage, part: Part): string {
  const { next_line: next = 1, next_offset: offset, total_bytes: bytes, total_lines: ends, stream } = page;
  const isMore = next <= ends || (page.state !== "running" && offset < bytes);
  if (!isMore) return "";
  if (part.kind === "grep") return `(not searched from line ${next} on: too many matches)\n`;
  return next > (part.to ?? next) ? "" : `(more: --stream=${stream} --lines=${next}-)\n`;
}

/** A page as text, with a line that says which part it is. */
export function pageText(page: OutputPage, part: Part, strong: (text: string) => string): string {
  const text = printableLines(pageBytes(page).toString("utf8"));
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  return `\n${strong(heading(page))}\n${text}${end}${rest(page, part)}`;
}
