import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { NO_OUTPUT, type Captured, type Completed, type Failed, type Outcome } from "../../wire/outcome.ts";
import { deniedBy } from "../../wire/reply.ts";
import type { RunResult } from "../exec/run.ts";
import type { Masking } from "../redact/redaction.ts";

/** How requests end, as outcomes. */

/** Exit codes of what could not be started or was refused at launch; everything else is 1. */
const EXIT_CODES = new Map<Code, number>([
  ["command_not_found", 127],
  ["command_untrusted", 127],
  ["timed_out", 124],
]);

const DETACHED = "Processes that left the command's process group cannot be found on this system and may still run.";

const ENDED: Readonly<
  Record<Exclude<RunResult["reason"], "exited">, { readonly code: Code; readonly message: string }>
> = {
  timed_out: { code: "timed_out", message: "Command timed out" },
  cancelled: { code: "cancelled", message: "Command cancelled" },
  shutting_down: { code: "shutting_down", message: "Command ended because the daemon is stopping" },
  stdin_too_large: { code: "stdin_too_large", message: "Command ended: it got more standard input than it takes" },
};

export interface Streams {
  readonly stdout: Captured;
  readonly stderr: Captured;
}

/** The failure that an error means, with what the program wrote until then. */
export function failedBy({ code, message, hint }: CodedError, { stdout, stderr }: Streams = SILENT): Failed {
  const exitCode = EXIT_CODES.get(code) ?? 1;
  return {
    kind: "failed",
    code,
    message,
    hint,
    exitCode,
    signal: undefined,
    stdout,
    stderr,
    notice: undefined,
    redacted: 0,
  };
}

function maskedWords(count: number): string {
  const places = count === 1 ? "1 place that held a secret was" : `${count} places that held secrets were`;
  return `${places} masked on the host: [redacted:RULE] says by which rule.`;
}

/** An error with what it says masked: it may repeat what the caller sent, or what a program said. */
export function maskedError(error: CodedError, { redactText }: Pick<Masking, "redactText">): CodedError {
  const [message, hint] = [redactText(error.message), redactText(error.hint)];
  if (message.count + hint.count === 0) return error;
  return new CodedError(error.code, message.text, { hint: hint.text, cause: error.cause });
}

/** The same with what it says masked, and with how often that was necessary in all. @param count places of the output */
export function maskedOutcome<T extends Completed | Failed>(
  outcome: T,
  count: number,
  { redactText }: Pick<Masking, "redactText">,
): T {
  if (outcome.kind === "completed")
    return count === 0
      ? outcome
      : { ...outcome, redacted: count, notice: sentences(outcome.notice, maskedWords(count)) };
  const [message, hint] = [redactText(outcome.message), redactText(outcome.hint)];
  const redacted = count + message.count + hint.count;
  if (redacted === 0) return outcome;
  const notice = sentences(outcome.notice, maskedWords(redacted));
  return { ...outcome, message: message.text, hint: hint.text, redacted, notice };
}

const SILENT: Streams = { stdout: NO_OUTPUT, stderr: NO_OUTPUT };

/** What a request ended with that never ran. */
export function outcomeOf(error: CodedError): Outcome {
  return CODES[error.code].kind === "failed" ? failedBy(error) : deniedBy(error);
}

function sentences(...all: readonly (string | undefined)[]): string | undefined {
  const said = all.filter((one) => one !== undefined);
  return said.length === 0 ? undefined : said.join(" ");
}

/** @param notice something to know about the run besides */
export function outcomeOfRun(result: RunResult, notice: string | undefined): Completed | Failed {
  const { exitCode, signal, stdout, stderr } = result;
  const ending = {
    exitCode,
    signal,
    stdout,
    stderr,
    notice: sentences(notice, result.maybeDetached ? DETACHED : undefined),
    redacted: 0,
  };
  if (result.reason === "exited") return { kind: "completed", ...ending };
  const { code, message } = ENDED[result.reason];
  return { kind: "failed", code, message, hint: CODES[code].hint, ...ending };
}
