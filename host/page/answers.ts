import { CodedError } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Answer, DecisionFilter, OutputWanted } from "./desk.ts";

/** From what a browser sends to what the desk is asked. Each throws CodedError `request_invalid`. */

const MAX_NOTE = 2_000;
const MAX_SECONDS = 7 * 24 * 60 * 60;
const MAX_PAGE_BYTES = 262_144;
const MAX_WAIT_MS = 20_000;
const MAX_ROWS = 200;
const MAX_NAME = 200;

function invalid(what: string): CodedError {
  return new CodedError("request_invalid", `Invalid request: ${what}`, { hint: "Load the page again." });
}

function fieldsOf(body: unknown): ReadonlyMap<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("an object is expected");
  return new Map(Object.entries(body));
}

/** A text of a body. */
export function textOf(body: unknown, name: string, most = MAX_NAME): string {
  const value = fieldsOf(body).get(name);
  if (typeof value !== "string" || value.length > most)
    throw invalid(`${name} is no text of at most ${most} characters`);
  return value;
}

/** The project of a body; undefined for all of them, which must be said with `null`. */
export function projectOf(body: unknown): string | undefined {
  return fieldsOf(body).get("project") === null ? undefined : textOf(body, "project");
}

function secondsOf(body: unknown): number | undefined {
  const value = fieldsOf(body).get("seconds");
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MAX_SECONDS)
    throw invalid("seconds is no whole number up to a week");
  return value;
}

/** The answer to an approval. */
export function answerOf(body: unknown): Answer {
  const kind = textOf(body, "kind");
  switch (kind) {
    case "once":
    case "call":
      return { kind };
    case "operation":
      return { kind, seconds: secondsOf(body) };
    case "deny":
      return { kind, note: textOf(body, "note", MAX_NOTE) };
    default:
      throw invalid("the answer is none that is known");
  }
}

type Query = Readonly<Record<string, string>>;

function integerOf(query: Query, name: string, low: number, high: number, otherwise: number): number {
  const text = query[name];
  if (text === undefined) return otherwise;
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw invalid(`${name} is no number from ${low} to ${high}`);
  return value;
}

/** Which part of a run's output. */
export function outputOf(query: Query): OutputWanted {
  const stream = query["stream"];
  if (stream !== "stdout" && stream !== "stderr") throw invalid("stream is stdout or stderr");
  return {
    stream: stream satisfies StreamName,
    offset: integerOf(query, "offset", -MAX_PAGE_BYTES, Number.MAX_SAFE_INTEGER, 0),
    maxBytes: MAX_PAGE_BYTES,
    waitMs: integerOf(query, "wait", 0, MAX_WAIT_MS, 0),
  };
}

/** Which decisions; empty texts do not filter. */
export function filterOf(query: Query): DecisionFilter {
  const text = (name: string): string | undefined => {
    const value = query[name] ?? "";
    if (value.length > MAX_NAME) throw invalid(`${name} is too long`);
    return value === "" ? undefined : value;
  };
  const verdict = text("verdict");
  if (verdict !== undefined && verdict !== "permit" && verdict !== "deny") throw invalid("verdict is permit or deny");
  return {
    project: text("project"),
    operation: text("operation"),
    session: text("session"),
    verdict,
    before: text("before"),
    limit: integerOf(query, "limit", 1, MAX_ROWS, 50),
  };
}
