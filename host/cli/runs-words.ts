import type { OutputPage, RunInfo } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { sizeWords } from "./call-status.ts";
import { durationWords, timeWords } from "./duration.ts";

/** Runs in words, for people. */

const SHORTEST_ID = 8;
const TENTHS_BELOW_MS = 10_000;

/** How many characters tell all these ids apart; at least 8. */
export function idLength(ids: readonly string[]): number {
  const sorted = [...ids].sort();
  let length = SHORTEST_ID;
  for (const [index, id] of sorted.entries()) {
    const next = sorted[index + 1] ?? "";
    while (length < id.length && id !== next && id.slice(0, length) === next.slice(0, length)) length++;
  }
  return length;
}

/** The beginning of an id, as it is shown where nothing else is to be told from it. */
export function shortId({ run_id: id }: RunInfo): string {
  return printable(id.slice(0, SHORTEST_ID));
}

/** `24ms`, `1.4s`, `12s`, `3m`, `2h 5m`. */
export function runDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds}ms`;
  return milliseconds < TENTHS_BELOW_MS ? `${(milliseconds / 1_000).toFixed(1)}s` : durationWords(milliseconds);
}

/** `running`, `completed`, `failed (timed_out)`. */
export function stateWords({ state, code }: RunInfo): string {
  return code === undefined ? state : `${state} (${printable(code)})`;
}

/** `0`, `143 (SIGTERM)`, or `-` for a run that goes on. */
export function exitWords({ exit_code: exitCode, signal }: RunInfo): string {
  if (exitCode === undefined) return "-";
  return signal === undefined ? String(exitCode) : `${exitCode} (${printable(signal)})`;
}

export function startWords({ started_at: startedAt }: RunInfo): string {
  return timeWords(new Date(startedAt));
}

/** A run in a few words: `0f1e2d3c git_push in owner_repo`. */
export function runWords(run: RunInfo): string {
  const project = run.project === undefined || run.project === "" ? "" : ` in ${printable(run.project)}`;
  return `${shortId(run)} ${printable(run.operation)}${project}`;
}

/** How a run ended, or that it goes on: `completed with exit code 0 after 12s`. */
export function endingWords(run: RunInfo): string {
  const duration = runDuration(run.duration_ms);
  if (run.state === "running") return `running for ${duration}`;
  const exit = run.exit_code === undefined ? "" : ` with exit code ${exitWords(run)}`;
  return `${stateWords(run)}${exit} after ${duration}`;
}

function streamWords({ bytes, missing }: RunInfo["stdout"]): string {
  const gap = missing === undefined ? "" : `; bytes ${missing.from} to ${missing.to - 1} were not kept`;
  return `${sizeWords(bytes)}${gap}`;
}

/** What is known of a run, as titles and values. */
export function factsOf(run: RunInfo): readonly (readonly [title: string, value: string])[] {
  const optional = (title: string, value: string | undefined): readonly (readonly [string, string])[] =>
    value === undefined || value === "" ? [] : [[title, printable(value)]];
  return [
    ["Run", printable(run.run_id)],
    ["Operation", printable(run.operation)],
    ...optional("Project", run.project),
    ...optional("Session", run.session),
    ["State", endingWords(run)],
    ...optional("Message", run.message),
    ...optional("Hint", run.hint),
    ...optional("Notice", run.notice),
    ["Started", `${startWords(run)}${run.background ? ", in the background" : ""}`],
    ["stdout", streamWords(run.stdout)],
    ["stderr", streamWords(run.stderr)],
  ];
}

/** The bytes of a page. */
export function pageBytes({ text, encoding }: Pick<OutputPage, "text" | "encoding">): Buffer {
  return Buffer.from(text, encoding === "base64" ? "base64" : "utf8");
}
