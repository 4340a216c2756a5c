import type { StreamName } from "../wire/names.ts";
import { byteLength } from "../wire/text.ts";
import { clipped, ends, type Ends } from "./budget.ts";
import type { Collected } from "./collected.ts";
import { readCall } from "./reading.ts";
import { tokensOf } from "./tokens.ts";

/** One stream of a run as a result shows it. */
export interface Shown {
  readonly name: StreamName;
  readonly text: string;
  /** `base64` when the bytes are not text. */
  readonly encoding: "base64" | undefined;
  /** Why this is not all, and how to read the rest; one sentence each. */
  readonly notes: readonly string[];
  /** What the operation's filters left out. */
  readonly filters: readonly string[];
  /** True when it is not all that the program wrote. */
  readonly isCut: boolean;
  /** True when more of it is kept than is shown. */
  readonly hasMore: boolean;
  /** Bytes that the program wrote; undefined when it wrote none, or nobody knows. */
  readonly originalBytes: number | undefined;
}

/** A stream whose end has come, before it is known how much of it may be shown. */
export interface Stream {
  readonly name: StreamName;
  readonly collected: Collected;
  /** True when the program wrote more than came. */
  readonly truncated: boolean;
  readonly originalBytes: number | undefined;
  readonly runId: string | undefined;
}

/** Binary output of at most this many bytes is shown as base64; a model can do little with more. */
const MAX_BASE64_BYTES = 1_024;
/** For what the filters say that they dropped. */
const MAX_DROPPED_TOKENS = 300;
/** Part of the characters that may be unreadable in what is still shown as text. */
const MAX_UNREADABLE = 0.25;

/** A number with commas. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Text of bytes that may begin or end inside a character. */
function textOf(bytes: Buffer, cutAtStart: boolean, cutAtEnd: boolean): string {
  let start = 0;
  while (cutAtStart && start < 3 && isContinuation(bytes[start])) start++;
  const text = bytes.toString("utf8", start);
  return cutAtEnd ? text.replace(/\uFFFD+$/, "") : text;
}

function firstAndLast({ collected, truncated }: Stream): readonly [string, string] {
  const { head, tail } = collected;
  const first = textOf(head, false, tail !== undefined || truncated);
  return [first, tail === undefined ? first : textOf(tail, true, truncated)];
}

/** True for text with few characters that could not be read. */
export function looksLikeText(text: string): boolean {
  if (text.includes("\0")) return false;
  return (text.match(/\uFFFD/g)?.length ?? 0) <= text.length * MAX_UNREADABLE;
}

type Form = "text" | "lossy" | "base64" | "none";

function formOf(stream: Stream, failed: boolean): Form {
  const { collected, name } = stream;
  if (collected.isText) return "text";
  if (collected.total <= MAX_BASE64_BYTES) return "base64";
  // What a failing program says is shown whatever it is written in.
  return looksLikeText(firstAndLast(stream).join("")) || (failed && name === "stderr") ? "lossy" : "none";
}

/** Tokens that the whole stream would take; infinite when it was not kept whole. */
export function wantedTokens(stream: Stream, failed: boolean): number {
  const form = formOf(stream, failed);
  if (form === "none") return 0;
  if (form === "base64") return tokensOf(stream.collected.head.toString("base64"));
  return stream.collected.tail === undefined ? tokensOf(firstAndLast(stream)[0]) : Number.POSITIVE_INFINITY;
}

function lines(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") || text === "" ? 1 : 0);
}

/** Lines of a whole stream: a last one without a line end counts. */
function allLines({ head, tail, lineFeeds, total }: Collected): number {
  const last = tail ?? head;
  return lineFeeds + (total > 0 && last[last.length - 1] !== 0x0a ? 1 : 0);
}

interface Gap {
  /** Stands between the two parts. */
  readonly mark: string;
  readonly note: string;
}

function rest(stream: Stream, where: { readonly line: number } | { readonly offset: number }): string {
  if (stream.runId === undefined) return "the daemon kept no more; ask for less";
  return `the rest: ${readCall(stream.runId, stream.name, where)}`;
}

function gapOf(stream: Stream, { head, tail, atLines }: Ends): Gap {
  const { collected, name, truncated } = stream;
  if (atLines && !truncated && collected.isText) {
    const [first, last, all] = [lines(head), lines(tail), allLines(collected)];
    return {
      mark: `[… ${grouped(all - first - last)} lines left out …]`,
      note: `${name}: ${grouped(first + last)} of ${grouped(all)} lines shown (first ${grouped(first)}, last ${grouped(last)}); ${rest(stream, { line: first + 1 })}`,
    };
  }
  const [first, last] = [byteLength(head), byteLength(tail)];
  return {
    mark: `[… ${grouped(collected.total - first - last)} bytes left out …]`,
    note: `${name}: ${grouped(first + last)} of ${grouped(collected.total)} bytes shown (first ${grouped(first)}, last ${grouped(last)}); ${rest(stream, { offset: first })}`,
  };
}

function joined(head: string, mark: string, tail: string): string {
  return `${head}${head === "" || head.endsWith("\n") ? "" : "\n"}${mark}\n${tail}`;
}

/** What older daemons write at the end of a cut stream; ours, which give run ids, do not. */
const CUT_MARK = "\n... (truncated)";

function withoutMark(text: string, { truncated, runId }: Stream): string {
  return truncated && runId === undefined && text.endsWith(CUT_MARK) ? text.slice(0, -CUT_MARK.length) : text;
}

function truncation({ name, truncated, originalBytes }: Stream, shownBytes: number, text: string): readonly string[] {
  if (!truncated || text === "") return [];
  return [`${name} truncated: shown ${shownBytes}${originalBytes === undefined ? "" : ` of ${originalBytes}`} bytes`];
}

function shownText(stream: Stream, tokens: number): Pick<Shown, "text" | "notes" | "hasMore"> {
  const [first, last] = firstAndLast(stream);
  if (stream.collected.tail === undefined) {
    const text = withoutMark(first, stream);
    if (tokensOf(text) <= tokens) return { text, notes: truncation(stream, byteLength(text), text), hasMore: false };
  }
  const parts = ends(first, last, tokens);
  const gap = gapOf(stream, parts);
  return {
    text: joined(parts.head, gap.mark, parts.tail),
    notes: [gap.note, ...truncation(stream, byteLength(parts.head) + byteLength(parts.tail), parts.head)],
    hasMore: true,
  };
}

/** How to get at bytes that are not shown at all. */
function binaryNote({ name, collected, runId }: Stream): string {
  const size = `${name}: ${grouped(collected.total)} bytes that are not text`;
  return runId === undefined ? size : `${size}; as base64: ${readCall(runId, name, { offset: 0 })}`;
}

/** A stream within a number of tokens. */
export function shown(stream: Stream, tokens: number, failed: boolean): Shown {
  const { name, originalBytes, truncated, collected } = stream;
  const common = { name, originalBytes, encoding: undefined, filters: [] };
  switch (formOf(stream, failed)) {
    case "none":
      return { ...common, text: "", notes: [binaryNote(stream)], isCut: true, hasMore: true };
    case "base64": {
      const text = collected.head.toString("base64");
      return {
        ...common,
        text,
        encoding: "base64",
        notes: truncation(stream, collected.total, text),
        isCut: truncated,
        hasMore: false,
      };
    }
    case "lossy": {
      const { text, notes, hasMore } = shownText(stream, tokens);
      return {
        ...common,
        text,
        hasMore,
        notes: [...notes, `${name} is not UTF-8; what cannot be read is shown as \uFFFD`],
        isCut: true,
      };
    }
    case "text": {
      const shown = shownText(stream, tokens);
      return { ...common, ...shown, isCut: truncated || shown.hasMore };
    }
  }
}

/** Standard output as the operation's filters left it. */
export interface FilteredOutput {
  readonly text: string;
  /** What the filters left out, one sentence each. */
  readonly dropped: readonly string[];
  readonly originalBytes: number | undefined;
  readonly runId: string | undefined;
}

/** Filtered standard output within a number of tokens. Its lines are not the ones that are kept, so it is never read on in. */
export function shownFiltered({ text, dropped, originalBytes, runId }: FilteredOutput, tokens: number): Shown {
  const raw = runId === undefined ? "" : `; all of it: ${readCall(runId, "stdout", {})}`;
  const filters =
    dropped.length === 0 ? [] : [`stdout filtered: ${clipped(dropped.join(" "), MAX_DROPPED_TOKENS)}${raw}`];
  const common = { name: "stdout", encoding: undefined, originalBytes, filters } as const;
  if (tokensOf(text) <= tokens) {
    const hasMore = filters.length > 0;
    return { ...common, text, notes: [], isCut: hasMore, hasMore };
  }
  const { head, tail } = ends(text, text, tokens);
  const left = byteLength(text) - byteLength(head) - byteLength(tail);
  const note = `stdout: ${grouped(byteLength(text) - left)} of ${grouped(byteLength(text))} filtered bytes shown${raw}`;
  return {
    ...common,
    text: joined(head, `[… ${grouped(left)} bytes left out …]`, tail),
    notes: [note],
    isCut: true,
    hasMore: true,
  };
}
