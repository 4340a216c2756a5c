import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { check } from "../../wire/parse.ts";
import { NO_OUTPUT, type Captured, type OperationEnd, type Outcome } from "../../wire/outcome.ts";
import type { OutcomeFields } from "../../wire/schema.ts";

/** What a target said of how an operation ended. */

/** Its code; undefined when it has none. One that is not known here comes from a newer agent, or from nowhere. */
export function codeOf({ outcome, code }: OutcomeFields): Code | undefined {
  if (outcome === "completed") return undefined;
  return code !== undefined && Object.hasOwn(CODES, code) ? (code as Code) : "internal";
}

function counted(total: number, truncated: boolean | undefined): Captured {
  return { ...NO_OUTPUT, total, truncated: truncated === true };
}

function outcomeOf(fields: OutcomeFields): Outcome {
  const { exit_code: exitCode, signal, notice, redacted = 0, message = "", hint = "" } = fields;
  const code = codeOf(fields);
  const streams = {
    stdout: counted(fields.stdout_bytes, fields.stdout_truncated),
    stderr: counted(fields.stderr_bytes, fields.stderr_truncated),
  };
  if (code === undefined) return { kind: "completed", exitCode, signal, notice, redacted, ...streams };
  if (fields.outcome === "denied") return { kind: "denied", code, message, hint };
  return { kind: "failed", code, message, hint, exitCode, signal, notice, redacted, ...streams };
}

/** What an answer without a stream says of an operation: how it ended, or that it was begun. */
export function outcomeOfReply(reply: object): OutcomeFields {
  const checked = check("operation_reply", reply);
  if (!checked.ok) return { outcome: "completed", exit_code: 0, stdout_bytes: 0, stderr_bytes: 0 };
  const { exit_code, outcome = "completed", code, denied_reason: reason } = checked.value;
  return {
    outcome: typeof reason === "string" ? "denied" : outcome,
    exit_code,
    ...(code === undefined ? {} : { code }),
    ...(typeof reason === "string" ? { message: reason } : {}),
    stdout_bytes: checked.value.stdout_original_bytes ?? 0,
    stderr_bytes: checked.value.stderr_original_bytes ?? 0,
  };
}

/** The end of an operation as the gateway's caller is told of it. */
export function endOf(fields: OutcomeFields, requestId: string | undefined, protocol: 1 | 2): OperationEnd {
  const { run_id: runId, filtered, timings } = fields;
  return { shape: "operation", requestId, protocol, runId, outcome: outcomeOf(fields), filtered, timings };
}

/** The error that a denial or a failure is. */
export function errorOf(fields: OutcomeFields): CodedError | undefined {
  const code = codeOf(fields);
  if (code === undefined) return undefined;
  const { message = "", hint } = fields;
  return new CodedError(code, message, hint === undefined ? {} : { hint });
}

/** A command that was ended because this gateway stops: its target knows only that it was cancelled. */
export function endedByStop(fields: OutcomeFields): OutcomeFields {
  if (codeOf(fields) !== "cancelled") return fields;
  const { hint } = CODES.shutting_down;
  return { ...fields, code: "shutting_down", message: "Command ended because the gateway is stopping", hint };
}

/** What is said when no end came: the target may have run it. */
export function failedFields(error: CodedError, runId: string, written: Written): OutcomeFields {
  const { code, message, hint } = error;
  return {
    outcome: written.accepted ? "failed" : CODES[code].kind === "denied" ? "denied" : "failed",
    run_id: runId,
    exit_code: 1,
    code,
    message,
    hint,
    stdout_bytes: written.stdout,
    stderr_bytes: written.stderr,
  };
}

/** What came of a call before it ended. */
export interface Written {
  accepted: boolean;
  stdout: number;
  stderr: number;
}
