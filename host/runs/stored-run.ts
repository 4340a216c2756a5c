import { CODES, type Code } from "../../wire/codes.ts";
import type { Ending, RunRecord } from "./run-record.ts";
import type { LinePoint } from "./line-index.ts";
import type { RunAbout } from "./runs.ts";
import type { StoredFields } from "./stored-stream.ts";

/** What is written about a run beside its output. */
export interface StoredRun {
  readonly about: RunAbout;
  readonly order: number;
  readonly startedMs: number;
  /** Undefined for a run that went on when it was written. */
  readonly ending: Ending | undefined;
  readonly stdout: StoredFields | undefined;
  readonly stderr: StoredFields | undefined;
}

const FORMAT = 1;

/** The text of a run's file. */
export function encodeRun(
  { about, order, startedMs, ending }: Pick<RunRecord, "about" | "order" | "startedMs" | "ending">,
  streams?: { readonly stdout: StoredFields; readonly stderr: StoredFields },
): string {
  return `${JSON.stringify({ format: FORMAT, about, order, startedMs, ending, ...streams })}\n`;
}

type Fields = ReadonlyMap<string, unknown>;

class Malformed extends Error {}

function fieldsOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null) throw new Malformed();
  return new Map(Object.entries(value));
}

function text(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (typeof value !== "string") throw new Malformed();
  return value;
}

function count(fields: Fields, name: string): number {
  const value = fields.get(name);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Malformed();
  return value;
}

function time(fields: Fields, name: string): number {
  const value = fields.get(name);
  // What a Date can hold.
  if (typeof value !== "number" || !(Math.abs(value) <= 8.64e15)) throw new Malformed();
  return value;
}

function flag(fields: Fields, name: string): boolean {
  const value = fields.get(name);
  if (typeof value !== "boolean") throw new Malformed();
  return value;
}

function optional<T>(fields: Fields, name: string, read: (fields: Fields, name: string) => T): T | undefined {
  return fields.get(name) === undefined ? undefined : read(fields, name);
}

function code(fields: Fields, name: string): Code {
  const value = text(fields, name);
  if (!Object.hasOwn(CODES, value)) throw new Malformed();
  return value as Code;
}

function points(fields: Fields, name: string): readonly LinePoint[] {
  const value = fields.get(name);
  if (!Array.isArray(value)) throw new Malformed();
  return value.map((point) => {
    const both = fieldsOf(point);
    return { at: count(both, "at"), breaks: count(both, "breaks") };
  });
}

function stream(outer: Fields, name: string): StoredFields {
  const fields = fieldsOf(outer.get(name));
  const read = {
    bytes: count(fields, "bytes"),
    lines: count(fields, "lines"),
    head: count(fields, "head"),
    tail: count(fields, "tail"),
    tail_lines: count(fields, "tail_lines"),
    points: points(fields, "points"),
    lost: flag(fields, "lost"),
  };
  if (read.head + read.tail > read.bytes || read.tail_lines > read.lines) throw new Malformed();
  return read;
}

function endingFrom(outer: Fields, name: string): Ending {
  const fields = fieldsOf(outer.get(name));
  const state = text(fields, "state");
  if (state !== "completed" && state !== "failed") throw new Malformed();
  const given = {
    exitCode: optional(fields, "exitCode", count),
    signal: optional(fields, "signal", text),
    code: optional(fields, "code", code),
    message: optional(fields, "message", text),
    hint: optional(fields, "hint", text),
    notice: optional(fields, "notice", text),
    redacted: optional(fields, "redacted", count),
    lastLine: optional(fields, "lastLine", text),
  };
  return { state, endedMs: time(fields, "endedMs"), ...withoutUndefined(given) };
}

/** The same without the members that are undefined. */
function withoutUndefined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** Reads a run's file; undefined when it is not one that `encodeRun` wrote for this session and id. */
export function decodeRun(bytes: Buffer, session: string, id: string): StoredRun | undefined {
  try {
    const fields = fieldsOf(JSON.parse(bytes.toString("utf8")));
    const about = fieldsOf(fields.get("about"));
    if (fields.get("format") !== FORMAT || text(about, "session") !== session || text(about, "id") !== id)
      return undefined;
    const ending = optional(fields, "ending", endingFrom);
    return {
      about: {
        id,
        session,
        project: text(about, "project"),
        operation: text(about, "operation"),
        background: flag(about, "background"),
      },
      order: count(fields, "order"),
      startedMs: time(fields, "startedMs"),
      ending,
      stdout: ending === undefined ? undefined : stream(fields, "stdout"),
      stderr: ending === undefined ? undefined : stream(fields, "stderr"),
    };
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
