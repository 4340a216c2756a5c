import { isUtf8 } from "node:buffer";
import type { CodedError } from "./errors.ts";
import type { Captured, Denied, Outcome, Reply } from "./outcome.ts";
import type { DescribeReply, ListReply, OperationReply } from "./schema.ts";
import type { ReplyShape } from "./request.ts";

/** The denial that an error means. */
export function deniedBy(error: CodedError): Denied {
  return { kind: "denied", code: error.code, message: error.message, hint: error.hint };
}

/** The reply to a request that could not be read; `shape` is what could be told of it. */
export function refusal(shape: ReplyShape | undefined, error: CodedError): Reply {
  if (shape === "list" || shape === "describe") return { shape, error };
  return { shape: "operation", requestId: undefined, protocol: 1, outcome: deniedBy(error) };
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

function operationReply(requestId: string | undefined, protocol: 1 | 2, outcome: Outcome): OperationReply {
  const id = requestId === undefined ? {} : { request_id: requestId };
  if (outcome.kind === "denied") {
    const { code, hint, message } = outcome;
    return { ...id, exit_code: 1, stdout: "", stderr: "", denied_reason: message, outcome: "denied", code, hint };
  }
  const stdout = streamText(outcome.stdout, protocol);
  const stderr = streamText(outcome.stderr, protocol);
  return {
    ...id,
    exit_code: outcome.exitCode,
    stdout: stdout.text,
    stderr: stderr.text,
    denied_reason: null,
    ...(outcome.stdout.truncated ? { stdout_truncated: true } : {}),
    ...(outcome.stderr.truncated ? { stderr_truncated: true } : {}),
    ...(outcome.stdout.total > 0 ? { stdout_original_bytes: outcome.stdout.total } : {}),
    ...(outcome.stderr.total > 0 ? { stderr_original_bytes: outcome.stderr.total } : {}),
    ...(stdout.encoding === undefined ? {} : { stdout_encoding: "base64" }),
    ...(stderr.encoding === undefined ? {} : { stderr_encoding: "base64" }),
    ...(outcome.signal === undefined ? {} : { signal: outcome.signal }),
    outcome: outcome.kind,
    ...(outcome.kind === "failed" ? { code: outcome.code, hint: outcome.hint } : {}),
    ...(outcome.notice === undefined ? {} : { notice: outcome.notice }),
  };
}

function replyFields(reply: Reply): OperationReply | ListReply | DescribeReply {
  if (reply.shape === "operation") return operationReply(reply.requestId, reply.protocol, reply.outcome);
  if ("error" in reply) {
    const said = { error: reply.error.message, code: reply.error.code, hint: reply.error.hint };
    return reply.shape === "list" ? { operations: null, ...said } : said;
  }
  return reply.shape === "list" ? { operations: [...reply.operations] } : { operation: reply.operation };
}

/** A reply as protocol 1 writes it: one JSON object, no line end. */
export function encodeReply(reply: Reply): Buffer {
  return Buffer.from(JSON.stringify(replyFields(reply)), "utf8");
}
