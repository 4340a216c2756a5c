import type { OperationReply, OutcomeFields } from "../wire/schema.ts";
import { streamBytes } from "../wire/client.ts";
import type { StreamName } from "../wire/names.ts";
import { clipped, shares, tokensForOutput } from "./budget.ts";
import { Collector, type Collected } from "./collected.ts";
import { shown, shownFiltered, wantedTokens, type Shown, type Stream } from "./shown.ts";
import { tokensOf } from "./tokens.ts";

/** A run that has ended, as a result shows it: within the tokens that a result may have. */
export interface Ended {
  readonly outcome: "completed" | "failed";
  readonly exitCode: number;
  readonly signal: string | undefined;
  /** What ended it, when that was not the program. */
  readonly reason: string | undefined;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly notice: string | undefined;
  readonly runId: string | undefined;
  readonly stdout: Shown;
  readonly stderr: Shown;
  /** Standard output parsed, when that was asked for and it is JSON that fits. */
  readonly json: { readonly value: unknown } | undefined;
}

/** What came of a run that was not denied. */
export interface Came {
  readonly outcome: Omit<OutcomeFields, "outcome"> & { readonly outcome: Ended["outcome"] };
  readonly stdout: Collected;
  readonly stderr: Collected;
}

/** For each sentence of the daemon. */
const SENTENCE_TOKENS = 600;

/** True for what a client should take for an error. */
export function isFailure({ outcome, exitCode }: Pick<Ended, "outcome" | "exitCode">): boolean {
  return outcome === "failed" || exitCode !== 0;
}

function streamOf(name: StreamName, { outcome, [name]: collected }: Came): Stream {
  const [bytes, truncated] = [outcome[`${name}_bytes`], outcome[`${name}_truncated`] === true];
  // A daemon that does not know how much was written says 0, or what it sent.
  const isKnown = bytes > collected.total || (bytes > 0 && !truncated);
  return { name, collected, truncated, originalBytes: isKnown ? bytes : undefined, runId: outcome.run_id };
}

function sentence(text: string | undefined): string | undefined {
  return text === undefined ? undefined : clipped(text, SENTENCE_TOKENS);
}

/** Standard output as text, when all of it is there. */
function wholeText({ outcome, stdout }: Came): string {
  if (outcome.filtered !== undefined) return outcome.filtered.stdout;
  const isWhole = stdout.isText && stdout.tail === undefined && outcome.stdout_truncated !== true;
  return isWhole ? stdout.head.toString("utf8") : "";
}

function parsed(text: string, tokens: number): Ended["json"] {
  try {
    const value: unknown = JSON.parse(text);
    return tokensOf(JSON.stringify(value)) <= tokens ? { value } : undefined;
  } catch {
    return undefined;
  }
}

/** Decides what is shown of a run. `wantsJson`: its standard output is to be parsed when the program succeeded. */
export function ended(came: Came, maxTokens: number, wantsJson: boolean): Ended {
  const { outcome } = came;
  const { exit_code: exitCode, filtered, run_id: runId } = outcome;
  const failed = isFailure({ outcome: outcome.outcome, exitCode });
  const [reason, hint, notice] = [
    sentence(outcome.outcome === "failed" ? outcome.message : undefined),
    sentence(outcome.hint),
    sentence(outcome.notice),
  ];
  const tokens = tokensForOutput(maxTokens, [reason, hint, notice, outcome.code].join(" "));
  const [stdout, stderr] = [streamOf("stdout", came), streamOf("stderr", came)];
  const wants = {
    stdout: filtered === undefined ? wantedTokens(stdout, failed) : tokensOf(filtered.stdout),
    stderr: wantedTokens(stderr, failed),
  };
  const share = shares(tokens, wants, failed);
  const shownStdout =
    filtered === undefined
      ? shown(stdout, share.stdout, failed)
      : shownFiltered(
          { text: filtered.stdout, dropped: filtered.dropped, originalBytes: stdout.originalBytes, runId },
          share.stdout,
        );
  const shownStderr = shown(stderr, share.stderr, failed);
  return {
    outcome: outcome.outcome,
    exitCode,
    signal: outcome.signal,
    reason,
    code: outcome.code,
    hint,
    notice,
    runId,
    stdout: shownStdout,
    stderr: shownStderr,
    json: wantsJson && !failed ? parsed(wholeText(came), tokens - tokensOf(shownStderr.text)) : undefined,
  };
}

function collected(text: string, encoding: string | undefined, truncated: boolean): Collected {
  const bytes = streamBytes(text, encoding);
  const collector = new Collector(Math.max(1, bytes.length));
  collector.push(bytes);
  return collector.end(truncated);
}

/** What came of a run whose reply came at once. */
export function cameOfReply(reply: OperationReply): Came {
  const { exit_code, signal, outcome, code, hint, notice, run_id } = reply;
  const [outCut, errCut] = [reply.stdout_truncated === true, reply.stderr_truncated === true];
  return {
    outcome: {
      outcome: outcome === "failed" ? "failed" : "completed",
      exit_code,
      stdout_bytes: reply.stdout_original_bytes ?? 0,
      stderr_bytes: reply.stderr_original_bytes ?? 0,
      ...(signal === undefined ? {} : { signal }),
      ...(code === undefined ? {} : { code }),
      ...(hint === undefined ? {} : { hint }),
      ...(notice === undefined ? {} : { notice }),
      ...(run_id === undefined ? {} : { run_id }),
      ...(outCut ? { stdout_truncated: true } : {}),
      ...(errCut ? { stderr_truncated: true } : {}),
    },
    stdout: collected(reply.stdout, reply.stdout_encoding, outCut),
    stderr: collected(reply.stderr, reply.stderr_encoding, errCut),
  };
}
