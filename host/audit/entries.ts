import { linesBackwards, linesFrom, type Line } from "./log-lines.ts";
import { listLog } from "./log-names.ts";
import { parseStored, textOf, type Stored } from "./stored.ts";

/** Which records are wanted. Undefined: whichever. */
export interface Wanted {
  /** Milliseconds since 1970. */
  readonly since: number | undefined;
  readonly project: string | undefined;
  readonly operation: string | undefined;
  readonly outcome: "permit" | "deny" | "completed" | "failed" | undefined;
  readonly session: string | undefined;
  readonly code: string | undefined;
}

/** A request as the log has it: what was decided and how it ended; or a note of the log about itself. */
export interface Entry {
  readonly decision: Stored | undefined;
  readonly outcome: Stored | undefined;
  readonly note: Stored | undefined;
}

/** Records with an earlier time that are looked behind before it is believed that nothing newer comes: a clock may have jumped. */
const OLDER = 10_000;
/** Outcomes whose decision was not met yet. */
const MAX_OPEN = 10_000;

export function timeOf(record: Stored): number {
  return Date.parse(textOf(record, "time"));
}

function fits(record: Stored, name: "project" | "operation" | "session" | "code", wanted: string | undefined): boolean {
  return wanted === undefined || textOf(record, name) === wanted;
}

function isSince(record: Stored, since: number | undefined): boolean {
  return since === undefined || !(timeOf(record) < since);
}

/** Whether a single record is wanted. A note is wanted only when nothing is asked that notes do not have. */
export function isWanted(record: Stored, { since, outcome, ...wanted }: Wanted): boolean {
  const result = record.kind === "decision" ? textOf(record, "verdict") : textOf(record, "outcome");
  return (
    isSince(record, since) &&
    (outcome === undefined || result === outcome) &&
    (["project", "operation", "session", "code"] as const).every((name) => fits(record, name, wanted[name]))
  );
}

function isWantedEntry({ decision, outcome }: Entry, wanted: Wanted): boolean {
  if (decision === undefined) return false;
  const { outcome: result, code, since, ...rest } = wanted;
  const none = { outcome: undefined, code: undefined, since };
  if (!isWanted(decision, { ...rest, ...none })) return false;
  if (code !== undefined && ![decision, outcome].some((record) => record !== undefined && fits(record, "code", code)))
    return false;
  return (
    result === undefined ||
    [textOf(decision, "verdict"), outcome === undefined ? "" : textOf(outcome, "outcome")].includes(result)
  );
}

/** What a look at the log gave. */
export interface Found {
  /** The newest first. */
  readonly entries: readonly Entry[];
  /** Lines that are no records. */
  readonly strange: number;
}

/** Every line of the log, the newest first. Throws system errors. */
export function* newestLines(directory: string): Generator<Line, void> {
  for (const { path } of [...listLog(directory)].reverse()) yield* linesBackwards(path);
}

/** Every line of the log, the oldest first. Throws system errors. */
export function* oldestLines(directory: string): Generator<Line, void> {
  for (const { path } of listLog(directory)) yield* linesFrom(path);
}

/** The newest entries that are wanted, at most `limit`. Reads backwards, and no further than it has to. Throws system errors. */
export function newestEntries(directory: string, wanted: Wanted, limit: number, withNotes: boolean): Found {
  const outcomes = new Map<string, Stored>();
  const entries: Entry[] = [];
  let strange = 0;
  let older = 0;
  for (const { bytes } of newestLines(directory)) {
    if (entries.length >= limit || older > OLDER) break;
    const record = parseStored(bytes);
    if (record === undefined) {
      strange++;
      continue;
    }
    older = isSince(record, wanted.since) ? 0 : older + 1;
    const id = textOf(record, "id");
    if (record.kind === "outcome") {
      outcomes.set(id, record);
      if (outcomes.size > MAX_OPEN) outcomes.delete(outcomes.keys().next().value ?? "");
    } else if (record.kind === "note") {
      if (withNotes && isWanted(record, wanted))
        entries.push({ decision: undefined, outcome: undefined, note: record });
    } else {
      const entry = { decision: record, outcome: outcomes.get(id), note: undefined };
      outcomes.delete(id);
      if (isWantedEntry(entry, wanted)) entries.push(entry);
    }
  }
  return { entries, strange };
}

/** The entries whose id begins so, the newest first; at most `limit`. Throws system errors. */
export function entriesById(directory: string, prefix: string, limit: number): readonly Entry[] {
  const outcomes = new Map<string, Stored>();
  const entries: Entry[] = [];
  for (const { bytes } of newestLines(directory)) {
    // Most lines are told apart without reading them as JSON.
    if (!bytes.includes(`"id":"${prefix}`)) continue;
    const record = parseStored(bytes);
    if (record === undefined || !textOf(record, "id").startsWith(prefix)) continue;
    if (record.kind === "outcome") outcomes.set(textOf(record, "id"), record);
    else if (record.kind === "decision") {
      entries.push({ decision: record, outcome: outcomes.get(textOf(record, "id")), note: undefined });
      if (entries.length >= limit) break;
    }
  }
  return entries;
}
