import { isUtf8 } from "node:buffer";
import { printable, printableLines, shortened } from "../../wire/text.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Kept } from "./fan-out-keep.ts";
import type { TargetResult } from "./fan-out-result.ts";
import { jsonText } from "./json-text.ts";
import { table } from "./table.ts";

const MAX_LINE = 100;

function secondsOf(ms: number): string {
  return (ms / 1_000).toFixed(ms < 10_000 ? 2 : 1);
}

/** `exit 0`, `exit 143 (SIGTERM)`, `denied (operation_unknown)`. */
function endWords({ kind, exitCode, signal, code }: TargetResult): string {
  if (kind === "not_run") return "not run";
  if (exitCode !== undefined) return `exit ${exitCode}${signal === undefined ? "" : ` (${printable(signal)})`}`;
  return `${kind}${code === undefined ? "" : ` (${printable(code)})`}`;
}

/** Our own lines about one target. */
function ownLines({ message, hint, runId, kind, code, stdout, stderr }: TargetResult): readonly string[] {
  const cut = (name: StreamName, { bytes, total }: Kept): readonly string[] =>
    bytes.length === total ? [] : [`${name}: the first ${bytes.length} of ${total} bytes are shown`];
  return [
    ...cut("stdout", stdout),
    ...cut("stderr", stderr),
    ...(message === undefined ? [] : [message]),
    ...(hint === undefined || kind === "ok" ? [] : [`hint: ${hint}`]),
    ...(code === "link_lost" && runId !== undefined ? [`run ${runId}`] : []),
  ].map(printable);
}

function ended(bytes: Buffer): Buffer {
  return bytes.length === 0 || bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
}

/**
 * A target's name and how it ended, and below it what it wrote.
 * @param isTerminal characters that could steer a terminal are shown as escapes
 */
export function grouped(result: TargetResult, isTerminal: boolean): Buffer {
  const shown = (bytes: Buffer): Buffer => ended(isTerminal ? Buffer.from(printableLines(bytes.toString())) : bytes);
  const { target, stdout, stderr, ms, kind } = result;
  const time = kind === "not_run" ? "" : `, ${secondsOf(ms)} s`;
  return Buffer.concat([
    Buffer.from(`==> ${printable(target)}: ${endWords(result)}${time}\n`),
    shown(stdout.bytes),
    ...(stderr.bytes.length === 0 ? [] : [Buffer.from("--- stderr\n"), shown(stderr.bytes)]),
    ...ownLines(result).map((line) => Buffer.from(`cmd2host: ${line}\n`)),
  ]);
}

/** All targets as a table: a line for each. */
export function tableOf(results: readonly TargetResult[]): string {
  const rows = results.map((result) => {
    const { target, kind, exitCode, ms, message, lastLine, code } = result;
    const said = kind === "ok" || kind === "exit" ? lastLine : (message ?? "");
    return [
      printable(target),
      kind === "not_run" ? "not run" : kind === "exit" ? "exit≠0" : (code ?? kind),
      exitCode === undefined ? "-" : String(exitCode),
      kind === "not_run" ? "-" : secondsOf(ms),
      printable(shortened(said, MAX_LINE)),
    ];
  });
  return table([["TARGET", "RESULT", "EXIT", "SECONDS", "LAST LINE"], ...rows]);
}

function streamFields(name: StreamName, { bytes, total }: Kept): object {
  const isText = isUtf8(bytes);
  return {
    [name]: bytes.toString(isText ? "utf8" : "base64"),
    ...(isText ? {} : { [`${name}_encoding`]: "base64" }),
    [`${name}_bytes`]: total,
    ...(bytes.length === total ? {} : { [`${name}_truncated`]: true }),
  };
}

/** One JSON object in a line. */
export function jsonLine(result: TargetResult): string {
  const { target, kind, exitCode, signal, code, message, hint, runId, ms, stdout, stderr } = result;
  return jsonText(
    {
      target,
      outcome: kind === "ok" || kind === "exit" ? "completed" : kind,
      exit_code: exitCode ?? null,
      signal,
      code,
      message,
      hint,
      run_id: runId,
      ms: Math.round(ms),
      ...streamFields("stdout", stdout),
      ...streamFields("stderr", stderr),
    },
    0,
  );
}

/** A line about a target that has ended, for whoever waits for the table. */
export function progressWords(result: TargetResult): string {
  return `${result.target}: ${endWords(result)}, ${secondsOf(result.ms)} s`;
}
