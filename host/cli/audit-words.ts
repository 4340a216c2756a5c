import { printable, shortened } from "../../wire/text.ts";
import type { Entry } from "../audit/entries.ts";
import { NOTES, type Note } from "../audit/record.ts";
import { numberOf, textOf, type Stored } from "../audit/stored.ts";
import { runDuration } from "./runs-words.ts";

/** Records of the audit in words, for people. Nothing of a record reaches a terminal as it is. */

const MAX_CELL = 48;
const LENGTH_OF_ID = 8;

export const AUDIT_HEADINGS = ["TIME", "RESULT", "PROJECT", "OPERATION", "SESSION", "EXIT", "DURATION", "WHY", "ID"];

function cell(text: string): string {
  return text === "" ? "-" : printable(shortened(text, MAX_CELL));
}

function timeCell(record: Stored): string {
  return cell(textOf(record, "time").replace(/\.\d+Z$/, "Z"));
}

function durationCell(outcome: Stored | undefined): string {
  const ms = outcome === undefined ? undefined : numberOf(outcome, "ms");
  return ms === undefined ? "-" : runDuration(Math.round(ms));
}

function resultWords(decision: Stored, outcome: Stored | undefined): string {
  if (textOf(decision, "verdict") === "deny") return "denied";
  return outcome === undefined ? "permitted" : textOf(outcome, "outcome");
}

function operationWords(decision: Stored): string {
  const operation = textOf(decision, "operation");
  return operation === "" ? `(${textOf(decision, "route")})` : operation;
}

export function noteWords(record: Stored): string {
  const note = textOf(record, "note");
  return Object.hasOwn(NOTES, note) ? NOTES[note as Note].about : printable(note);
}

function noteRow(record: Stored): readonly string[] {
  return [timeCell(record), "note", "-", cell(textOf(record, "note")), "-", "-", "-", noteWords(record), "-"];
}

/** Cells below `AUDIT_HEADINGS`. */
export function entryRow({ decision, outcome, note }: Entry): readonly string[] {
  if (decision === undefined) return note === undefined ? [] : noteRow(note);
  return [
    timeCell(decision),
    cell(resultWords(decision, outcome)),
    cell(textOf(decision, "project")),
    cell(operationWords(decision)),
    cell(textOf(decision, "session")),
    cell(outcome === undefined ? "" : textOf(outcome, "exit_code")),
    durationCell(outcome),
    cell(outcome !== undefined && textOf(outcome, "code") !== "" ? textOf(outcome, "code") : textOf(decision, "rule")),
    cell(textOf(decision, "id").slice(0, LENGTH_OF_ID)),
  ];
}

/** One record on one line, for watching. */
export function recordLine(record: Stored): string {
  if (record.kind === "note") return `${timeCell(record)}  note       ${noteWords(record)}\n`;
  const isOutcome = record.kind === "outcome";
  const result = isOutcome ? textOf(record, "outcome") : textOf(record, "verdict") === "deny" ? "denied" : "permitted";
  const argv = record.members["argv"];
  const parts = [
    timeCell(record),
    cell(result).padEnd(9),
    cell(textOf(record, "id").slice(0, LENGTH_OF_ID)),
    cell(textOf(record, "project")),
    cell(operationWords(record)),
    ...(isOutcome ? [`exit ${cell(textOf(record, "exit_code"))}`, durationCell(record)] : []),
    ...(textOf(record, "code") === "" ? [] : [cell(textOf(record, "code"))]),
    ...(Array.isArray(argv) ? [printable(shortened(JSON.stringify(argv), 500))] : []),
    ...(textOf(record, "message") === "" ? [] : [printable(shortened(textOf(record, "message"), 500))]),
  ];
  return `${parts.join("  ")}\n`;
}

/** Every member of a record, one per line. */
export function recordMembers(record: Stored): string {
  return Object.entries(record.members)
    .map(([name, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return `  ${`${printable(name)}:`.padEnd(16)}${printable(text)}\n`;
    })
    .join("");
}
