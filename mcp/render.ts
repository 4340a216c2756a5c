import { streamBytes } from "../wire/client.ts";
import type { OperationInfo, OperationReply, Param } from "../wire/schema.ts";
import { byteLength, printable } from "../wire/text.ts";
import type { Trouble } from "./trouble.ts";

/** The text of tool results. Every line of a result ends with a line feed, except one-line errors. */

/** A Markdown code block around any content: the fence is longer than every run of backticks inside. */
export function fenced(content: string): string {
  let longest = 0;
  for (const [run] of content.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}\n${content}${content.endsWith("\n") ? "" : "\n"}${fence}\n`;
}

/** Daemons before typed truncation wrote this at the end of a cut stream. */
const CUT_MARK = "\n... (truncated)";

export interface Stream {
  readonly name: "stdout" | "stderr";
  /** As sent, without the mark that older daemons leave at the end of a cut stream. */
  readonly text: string;
  /** `base64` when the bytes are not text. */
  readonly encoding: string | undefined;
  readonly truncated: boolean;
  /** Bytes that the program wrote, when the daemon says it. */
  readonly originalBytes: number | undefined;
}

function streamOf(
  name: Stream["name"],
  sent: string,
  encoding: string | undefined,
  truncated: boolean,
  originalBytes: number | undefined,
): Stream {
  const text = truncated && sent.endsWith(CUT_MARK) ? sent.slice(0, -CUT_MARK.length) : sent;
  return { name, text, encoding, truncated, originalBytes };
}

/** The two streams of a reply. */
export function streamsOf(reply: OperationReply): { readonly stdout: Stream; readonly stderr: Stream } {
  return {
    stdout: streamOf(
      "stdout",
      reply.stdout,
      reply.stdout_encoding,
      reply.stdout_truncated === true,
      reply.stdout_original_bytes,
    ),
    stderr: streamOf(
      "stderr",
      reply.stderr,
      reply.stderr_encoding,
      reply.stderr_truncated === true,
      reply.stderr_original_bytes,
    ),
  };
}

function streamBlock(stream: Stream): string {
  const { name, text, encoding, truncated, originalBytes } = stream;
  if (text === "") return "";
  const note = encoding === "base64" ? " (base64, binary)" : "";
  const shown = encoding === "base64" ? streamBytes(text, encoding).length : byteLength(text);
  const total = originalBytes === undefined ? "" : ` of ${originalBytes}`;
  const cut = truncated ? `*${name} truncated: shown ${shown}${total} bytes*\n` : "";
  return `**${name}${note}:**\n${fenced(text)}${cut}`;
}

/** `Code:`, `Hint:` and `Notice:`, one line each, those that are known. One line whatever they contain. */
function remarks(code: string | undefined, hint: string | undefined, notice?: string): string {
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["Code", code],
    ["Hint", hint],
    ["Notice", notice],
  ];
  return lines.map(([name, text]) => (text === undefined ? "" : `${name}: ${printable(text)}\n`)).join("");
}

/** A program that was started or could not be: its exit code, its output, and what the daemon remarks about it. */
export function renderRun(reply: OperationReply): string {
  const { stdout, stderr } = streamsOf(reply);
  const out = streamBlock(stdout);
  const err = streamBlock(stderr);
  const said = remarks(reply.code, reply.hint, reply.notice);
  const separated = said !== "" && err !== "" ? `\n${said}` : said;
  return `Exit code: ${reply.exit_code}\n\n${out}${out === "" ? "" : "\n"}${err}${separated}`;
}

export function renderDenied(trouble: Trouble): string {
  return `Operation denied:\n${fenced(trouble.reason)}${remarks(trouble.code, trouble.hint)}`;
}

/** One line, followed by code and hint where they are known. `doing`: "running operation". */
export function renderError(doing: string, trouble: Trouble): string {
  const said = remarks(trouble.code, trouble.hint);
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
