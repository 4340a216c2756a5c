import { CodedError } from "../../wire/errors.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { RunsClient } from "./target-runs.ts";
import { idLength, stateWords } from "./runs-words.ts";

const WHOLE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,32}$/;
const MAX_GIVEN = 60;
const MAX_NAMED = 10;

const STATES = new Set<string>(["running", "completed", "failed"] satisfies RunInfo["state"][]);

/** @throws CodedError `usage` */
export function checkState(text: string | undefined): RunInfo["state"] | undefined {
  if (text === undefined || STATES.has(text)) return text as RunInfo["state"] | undefined;
  throw new CodedError("usage", `--state ${quoted(shortened(text, MAX_GIVEN))} is no state of a run`, {
    hint: `Write one of: ${[...STATES].join(", ")}.`,
  });
}

/**
 * The whole number that an option gives, from `min` on.
 * @throws CodedError `usage`
 */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= min && value <= max) return value;
  throw new CodedError(
    "usage",
    `${option} ${quoted(shortened(text, MAX_GIVEN))} is no whole number from ${min} to ${max}`,
  );
}

/** Several runs, one per line. */
function listed(runs: readonly RunInfo[]): string {
  const length = idLength(runs.map(({ run_id: id }) => id));
  const names = runs.slice(0, MAX_NAMED).map((run) => {
    const { run_id: id, operation, project = "" } = run;
    return `\n  ${id.slice(0, length)} ${operation}${project === "" ? "" : ` in ${project}`}, ${stateWords(run)}`;
  });
  return names.join("") + (runs.length > MAX_NAMED ? `\n  and ${runs.length - MAX_NAMED} more` : "");
}

/**
 * The run whose id begins with `given`, which has at least 4 characters.
 * @throws CodedError `usage` when it is no such beginning, or fits several; `not_found`, `run_unknown` when it fits none
 */
export async function findRun(owner: RunsClient, given: string): Promise<RunInfo> {
  const prefix = given.toLowerCase();
  if (WHOLE_ID.test(prefix)) return owner.status(prefix, 0);
  if (!PREFIX.test(prefix)) {
    throw new CodedError("usage", `${quoted(shortened(given, MAX_GIVEN))} is not the beginning of a run's id`, {
      hint: "Give at least 4 characters of the first column of cmd2host runs.",
    });
  }
  const found = (await owner.runs()).filter(({ run_id: id }) => id.startsWith(prefix));
  const [first, second] = found;
  if (first === undefined)
    throw new CodedError("not_found", `no run's id begins with ${prefix}`, { hint: "See cmd2host runs." });
  if (second !== undefined)
    throw new CodedError("usage", `${prefix} fits ${found.length} runs:${listed(found)}`, {
      hint: "Give more characters.",
    });
  return first;
}

/** @throws CodedError `not_found` */
export async function newestRunning(owner: RunsClient): Promise<RunInfo> {
  const found = (await owner.runs()).find(({ state }) => state === "running");
  if (found !== undefined) return found;
  throw new CodedError("not_found", "no run goes on", { hint: "Name one; see cmd2host runs." });
}
