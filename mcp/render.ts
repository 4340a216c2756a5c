import type { OperationInfo, OperationReply, Param } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import { cameOfReply, ended, isFailure, type Ended } from "./ended.ts";
import { cancelCall, readCall, statusCall } from "./reading.ts";
import type { Shown } from "./shown.ts";
import type { Trouble } from "./trouble.ts";

/** The text of tool results. Every line of a result ends with a line feed, except one-line errors. */

/** A Markdown code block around any content: the fence is longer than every run of backticks inside. */
export function fenced(content: string): string {
  let longest = 0;
  for (const [run] of content.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}\n${content}${content.endsWith("\n") ? "" : "\n"}${fence}\n`;
}

function streamBlock({ name, text, encoding, notes, filters }: Shown): string {
  const said = [...notes, ...filters].map((note) => `*${printable(note)}*\n`).join("");
  if (text === "") return said;
  return `**${name}${encoding === "base64" ? " (base64, binary)" : ""}:**\n${fenced(text)}${said}`;
}

/** `Code:`, `Hint:` and so on, one line each, those that are known. One line whatever they contain. */
function remarks(lines: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(lines)
    .map(([name, text]) => (text === undefined ? "" : `${name}: ${printable(text)}\n`))
    .join("");
}

/**
 * A program that was started or could not be: its exit code, its output, and what the daemon remarks about it. The run id only when
 * there is more to read than this.
 */
export function renderEnded(ended: Ended): string {
  const { stdout, stderr, exitCode, code, hint, notice, reason, runId } = ended;
  const out = streamBlock(stdout);
  const err = streamBlock(stderr);
  const said = remarks({
    // A daemon may say it in place of the program's own words already.
    Reason: reason !== undefined && stderr.text.includes(reason) ? undefined : reason,
    Code: code,
    Hint: hint,
    Notice: notice,
    Run: isFailure(ended) || stdout.hasMore || stderr.hasMore ? runId : undefined,
  });
  const separated = said !== "" && err !== "" ? `\n${said}` : said;
  return `Exit code: ${exitCode}\n\n${out}${out === "" ? "" : "\n"}${err}${separated}`;
}

/** The text of a run whose reply came at once; all of it. */
export function renderRun(reply: OperationReply): string {
  return renderEnded(ended(cameOfReply(reply), Number.POSITIVE_INFINITY, false));
}

/** A run that goes on by itself. */
export function renderStarted(runId: string): string {
  return `Started in the background.\n\nRun: ${runId}\nNext: ${statusCall(runId, 30)} tells how it is, and returns when it has ended; ${readCall(runId, "stdout", {})} reads what it has printed; ${cancelCall(runId)} ends it.\n`;
}

export function renderDenied(trouble: Trouble): string {
  return `Operation denied:\n${fenced(trouble.reason)}${remarks({ Code: trouble.code, Hint: trouble.hint })}`;
}

/** One line, followed by code and hint where they are known. `doing`: "running operation". */
export function renderError(doing: string, trouble: Trouble): string {
  const said = remarks({ Code: trouble.code, Hint: trouble.hint });
  return `Error ${doing}: ${trouble.reason}${said === "" ? "" : `\n${said}`}`;
}

// --- operations ---

function length(param: Param): string {
  const { minLength: min = 0, maxLength: max = 0 } = param;
  if (max > 0) return ` length: ${min}-${max}`;
  return min > 0 ? ` length: ${min}-` : "";
}

function range({ min, max }: Param): string {
  if (min !== undefined) return ` range: ${min}-${max ?? ""}`;
  return max === undefined ? "" : ` range: up to ${max}`;
}

function paramLine(name: string, param: Param): string {
  const type = `${param.type ?? "string"}${param.optional === true ? ", optional" : ""}`;
  const pattern = param.pattern === undefined || param.pattern === "" ? "" : ` pattern: ${param.pattern}`;
  const values = param.enum === undefined || param.enum.length === 0 ? "" : ` one of: ${param.enum.join(", ")}`;
  const meaning = param.description === undefined || param.description === "" ? "" : ` - ${param.description}`;
  return `    - ${name} (${type})${pattern}${length(param)}${range(param)}${values}${meaning}\n`;
}

function compareNames([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function sortedParams(operation: OperationInfo): readonly (readonly [string, Param])[] {
  return Object.entries(operation.params ?? {}).sort(compareNames);
}

function operationBlock(operation: OperationInfo): string {
  const params = sortedParams(operation);
  const flags = operation.allowed_flags ?? [];
  return [
    `**${operation.id}** - ${operation.description ?? ""}\n`,
    ...(params.length === 0 ? [] : ["  Parameters:\n", ...params.map(([name, param]) => paramLine(name, param))]),
    ...(flags.length === 0 ? [] : [`  Allowed flags: ${flags.join(", ")}\n`]),
    "\n",
  ].join("");
}

/** Operations in the order given, parameters by name. */
export function renderList(operations: readonly OperationInfo[]): string {
  return `Available operations:\n\n${operations.map(operationBlock).join("")}`;
}

/** The same operation with its members in the documented order, parameters by name, and without empty lists. */
export function ordered(operation: OperationInfo): OperationInfo {
  const params = sortedParams(operation);
  const flags = operation.allowed_flags ?? [];
  const first = new Map<string, unknown>([
    ["id", operation.id],
    ["command", operation.command],
    ["description", operation.description],
    ["params", params.length === 0 ? undefined : Object.fromEntries(params)],
    ["allowed_flags", flags.length === 0 ? undefined : flags],
  ]);
  const members = [...first, ...Object.entries(operation).filter(([name]) => !first.has(name))];
  return { id: operation.id, ...Object.fromEntries(members.filter(([, value]) => value !== undefined)) };
}

/** JSON, indented by two, with the characters that the original escapes written as escapes. */
export function renderDescribe(operation: OperationInfo): string {
  return JSON.stringify(ordered(operation), null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
