import { isUtf8 } from "node:buffer";
import type { CodedError } from "./errors.ts";
import type { Captured, Denied, Failed, OperationEnd, Reply } from "./outcome.ts";
import type {
  ApprovalsReply,
  DescribeReply,
  ExplanationReply,
  GrantsReply,
  ListReply,
  OperationReply,
  OutcomeFields,
  OutputReply,
  PageReply,
  PongReply,
  RunReply,
  RunsReply,
  StatsReply,
} from "./schema.ts";
import type { ReplyShape } from "./request.ts";

/** The denial that an error means. */
export function deniedBy(error: CodedError): Denied {
  return { kind: "denied", code: error.code, message: error.message, hint: error.hint };
}

/** The end of an operation of which nothing but its outcome is known. */
export function ended(requestId: string | undefined, protocol: 1 | 2, outcome: OperationEnd["outcome"]): OperationEnd {
  return { shape: "operation", requestId, protocol, runId: undefined, outcome, filtered: undefined };
}

/** The reply to a request that could not be read; `shape` is what could be told of it. */
export function refusal(shape: ReplyShape | undefined, error: CodedError): Reply {
  if (shape !== undefined && shape !== "operation") return { shape, error };
  return ended(undefined, 1, deniedBy(error));
}

interface Stream {
  readonly text: string;
  readonly encoding: { readonly base64: true } | undefined;
}

function streamText(captured: Captured, protocol: 1 | 2): Stream {
  if (protocol === 2 && !isUtf8(captured.bytes))
    return { text: captured.bytes.toString("base64"), encoding: { base64: true } };
  return { text: captured.bytes.toString("utf8"), encoding: undefined };
}

/** Codes of what went wrong behind the program's own end. */
const BEHIND_THE_RUN = new Set(["output_finalize_failed", "output_too_large"]);

/** Standard error with a line of ours behind it, on a line of its own; not counted as the program's. */
function withReason({ stderr, code, message }: Failed): Captured {
  const line = BEHIND_THE_RUN.has(code) ? `cmd2host: post-run finalize failed: ${message}\n` : message;
  const needsBreak = stderr.bytes.length > 0 && stderr.bytes.at(-1) !== 0x0a;
  return { ...stderr, bytes: Buffer.concat([stderr.bytes, Buffer.from(`${needsBreak ? "\n" : ""}${line}`)]) };
}

function operationReply({ requestId, protocol, runId, outcome, filtered }: OperationEnd): OperationReply {
  const id = requestId === undefined ? {} : { request_id: requestId };
  if (outcome.kind === "denied") {
    const { code, hint, message } = outcome;
    return { ...id, exit_code: 1, stdout: "", stderr: "", denied_reason: message, outcome: "denied", code, hint };
  }
  const stdout =
    filtered === undefined ? streamText(outcome.stdout, protocol) : { text: filtered.stdout, encoding: undefined };
  const stderr = streamText(outcome.kind === "failed" ? withReason(outcome) : outcome.stderr, protocol);
  return {
    ...id,
    exit_code: outcome.exitCode,
    stdout: stdout.text,
    stderr: stderr.text,
    denied_reason: null,
    ...(outcome.stdout.truncated && filtered === undefined ? { stdout_truncated: true } : {}),
    ...(outcome.stderr.truncated ? { stderr_truncated: true } : {}),
    ...(outcome.stdout.total > 0 ? { stdout_original_bytes: outcome.stdout.total } : {}),
    ...(outcome.stderr.total > 0 ? { stderr_original_bytes: outcome.stderr.total } : {}),
    ...(stdout.encoding === undefined ? {} : { stdout_encoding: "base64" }),
    ...(stderr.encoding === undefined ? {} : { stderr_encoding: "base64" }),
    ...(outcome.signal === undefined ? {} : { signal: outcome.signal }),
    outcome: outcome.kind,
    ...(outcome.kind === "failed" ? { code: outcome.code, hint: outcome.hint } : {}),
    ...(outcome.notice === undefined ? {} : { notice: outcome.notice }),
    ...(runId === undefined ? {} : { run_id: runId }),
    ...(outcome.redacted > 0 ? { redacted: outcome.redacted } : {}),
    ...(filtered === undefined ? {} : { stdout_filtered: [...filtered.dropped] }),
  };
}

/** The end of an operation for a client that has been sent the output already. */
export function outcomeFields({ requestId, runId, outcome, filtered, timings }: OperationEnd): OutcomeFields {
  const ids = {
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(runId === undefined ? {} : { run_id: runId }),
  };
  if (outcome.kind === "denied") {
    const { code, hint, message } = outcome;
    return { ...ids, outcome: "denied", exit_code: 1, code, message, hint, stdout_bytes: 0, stderr_bytes: 0 };
  }
  const { stdout, stderr, signal, notice, redacted } = outcome;
  return {
    ...ids,
    outcome: outcome.kind,
    exit_code: outcome.exitCode,
    ...(signal === undefined ? {} : { signal }),
    ...(outcome.kind === "failed" ? { code: outcome.code, message: outcome.message, hint: outcome.hint } : {}),
    ...(notice === undefined ? {} : { notice }),
    stdout_bytes: stdout.total,
    stderr_bytes: stderr.total,
    ...(stdout.truncated ? { stdout_truncated: true } : {}),
    ...(stderr.truncated ? { stderr_truncated: true } : {}),
    ...(redacted > 0 ? { redacted } : {}),
    ...(filtered === undefined ? {} : { filtered: { stdout: filtered.stdout, dropped: [...filtered.dropped] } }),
    ...(timings === undefined ? {} : { timings }),
  };
}

type Fields =
  | OperationReply
  | ListReply
  | DescribeReply
  | RunReply
  | OutputReply
  | RunsReply
  | ApprovalsReply
  | GrantsReply
  | StatsReply
  | ExplanationReply
  | PongReply
  | PageReply;

/** What stands in place of the answer when there is none, beside the error. */
const NOTHING = {
  list: { operations: null },
  describe: {},
  run: { run: null },
  page: { page: null },
  runs: { runs: null },
  approvals: { approvals: null },
  grants: { grants: null },
  stats: { stats: null },
  pong: { pong: null },
  explanation: { explanation: null },
  served_page: { page: null },
};

/** A reply as the members that are written. */
export function replyFields(reply: Reply): Fields | object {
  if (reply.shape === "operation") return operationReply(reply);
  if (reply.shape === "passed_on") return reply.fields;
  if ("error" in reply) {
    const { message, code, hint } = reply.error;
    return { ...NOTHING[reply.shape], error: message, code, hint };
  }
  switch (reply.shape) {
    case "list":
      return { operations: [...reply.operations], revision: reply.revision };
    case "describe":
      return { operation: reply.operation };
    case "run":
      return { run: reply.run };
    case "page":
      return { page: reply.page };
    case "runs":
      return { runs: [...reply.runs] };
    case "approvals":
      return { approvals: [...reply.approvals], revision: reply.revision };
    case "stats":
      return { stats: reply.stats };
    case "pong":
      return { pong: reply.pong };
    case "grants":
      return { grants: [...reply.grants] };
    case "explanation":
      return { explanation: reply.explanation };
    case "served_page":
      return { page: reply.served };
  }
}

/** A reply as protocol 1 writes it: one JSON object, no line end. */
export function encodeReply(reply: Reply): Buffer {
  return Buffer.from(JSON.stringify(replyFields(reply)), "utf8");
}
