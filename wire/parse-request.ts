import { CodedError } from "./errors.ts";
import { DEFAULT_PAGE_BYTES, DEFAULT_PAGE_LINES, MAX_REQUEST_ID_BYTES } from "./limits.ts";
import { check, type Types } from "./parse.ts";
import type { OperationRequest, PageWanted, ReplyShape, Request } from "./request.ts";
import type { ReadOutputRequestFields, ValidatedName } from "./schema.ts";
import { byteLength, quoted, shortened } from "./text.ts";

/** From a JSON value to a typed request. */

/** The member that decides the type of a request, in order, and the form of its reply. */
const DECIDING: readonly (readonly [string, ReplyShape])[] = [
  ["list_operations", "list"],
  ["describe_operation", "describe"],
  ["run_status", "run"],
  ["read_output", "page"],
  ["cancel_run", "run"],
  ["list_runs", "runs"],
  ["watch_operations", "list"],
  ["mcp_session", "operation"],
  ["ping", "pong"],
  ["list_approvals", "approvals"],
  ["answer_approval", "grants"],
  ["list_grants", "grants"],
  ["revoke_grants", "grants"],
  ["stats", "stats"],
  ["explain_operation", "explanation"],
  ["explain", "explanation"],
  ["raw_argv", "operation"],
  ["operation", "operation"],
  ["page", "served_page"],
];

function deciding(message: unknown): (typeof DECIDING)[number] | undefined {
  if (typeof message !== "object" || message === null || Array.isArray(message)) return undefined;
  return DECIDING.find(([name]) => Object.hasOwn(message, name));
}

/** Which form of reply the sender of this object expects: decided by the presence of exact top-level names. */
export function replyShapeOf(message: unknown): ReplyShape | undefined {
  return deciding(message)?.[1];
}

const WAITING = new Set(["run_status", "read_output", "watch_operations", "list_approvals"]);

/**
 * What a request does of the daemon's: `work`; `wait`, when it waits for something to happen and does nothing meanwhile; `session`, when it stays for as
 * long as its client likes.
 */
export type Stay = "work" | "wait" | "session";

export function stayOf(message: unknown): Stay {
  const [name = ""] = deciding(message) ?? [];
  if (name === "mcp_session") return "session";
  if (!WAITING.has(name)) return "work";
  const fields = check("run_status_request", message);
  return fields.ok && (fields.value.wait_seconds ?? 0) > 0 ? "wait" : "work";
}

const REQUEST_ID = /^[A-Za-z0-9._-]+$/;
const OPERATION_ID = /^[a-z][a-z0-9_]{0,63}$/;
const SOURCES = new Set(["", "mcp", "raw_argv"]);

/** True for an id that a request may carry; also what `config check` asks of the ids in a configuration. */
export function isOperationId(text: string): boolean {
  return OPERATION_ID.test(text);
}

function invalid(message: string): CodedError {
  return new CodedError("request_invalid", `Invalid request: ${message}`);
}

function typed<N extends ValidatedName>(name: N, message: unknown): Types[N] {
  const checked = check(name, message);
  if (checked.ok) return checked.value;
  throw invalid(
    `${checked.violation.pointer === "" ? "" : `${checked.violation.pointer}: `}${checked.violation.message}`,
  );
}

function protocolOf(fields: { readonly protocol?: number }): 1 | 2 {
  return (fields.protocol ?? 1) >= 2 ? 2 : 1;
}

function operationRequest(message: object): OperationRequest {
  const fields = typed("operation_request", message);
  const { request_id: requestId, operation = "", source = "" } = fields;
  if (
    requestId !== undefined &&
    requestId !== "" &&
    !(byteLength(requestId) <= MAX_REQUEST_ID_BYTES && REQUEST_ID.test(requestId))
  ) {
    throw invalid(
      `request_id ${quoted(shortened(requestId, 64))} must be at most ${MAX_REQUEST_ID_BYTES} of A-Z a-z 0-9 . _ -`,
    );
  }
  if (!SOURCES.has(source)) throw invalid(`source ${quoted(shortened(source, 64))} must be "mcp" or "raw_argv"`);
  if (operation !== "" && !OPERATION_ID.test(operation)) {
    throw invalid(`operation ${quoted(shortened(operation, 80))} must be a small letter and at most 63 of a-z 0-9 _`);
  }
  const hint = fields.cwd_context;
  return {
    kind: "operation",
    protocol: protocolOf(fields),
    requestId: requestId === "" ? undefined : requestId,
    token: fields.token ?? "",
    targetRepo: fields.target_repo ?? "",
    cwdHint:
      hint === undefined
        ? undefined
        : {
            toplevel: hint.toplevel ?? "",
            originUrl: hint.origin_url ?? "",
            ...(hint.relative === undefined ? {} : { relative: hint.relative }),
          },
    offersStdin: fields.stdin === true,
    needsStdin: fields.stdin_required === true,
    background: fields.background === true,
    filtered: fields.filtered,
    profile: fields.timings === true,
    timeoutSeconds: fields.timeout_seconds,
    target: fields.target ?? "",
    workDir: fields.work_dir ?? "",
    env: new Map(Object.entries(fields.env ?? {})),
    route: Object.hasOwn(message, "raw_argv")
      ? { kind: "raw", argv: (fields.raw_argv ?? []).map((word) => word ?? "") }
      : { kind: "named", operation, params: new Map(Object.entries(fields.params ?? {})), flags: fields.flags ?? [] },
  };
}

function wantedPage(fields: ReadOutputRequestFields): PageWanted {
  const { grep, offset, line, max_bytes: maxBytes = DEFAULT_PAGE_BYTES, context_lines: context = 0 } = fields;
  const maxLines = fields.max_lines ?? DEFAULT_PAGE_LINES;
  const byLines = line !== undefined || fields.max_lines !== undefined;
  if (offset !== undefined && (byLines || grep !== undefined))
    throw invalid("offset counts bytes; it does not go with line, max_lines or grep");
  if (line === 0) throw invalid("line counts from 1, or from the end with -1");
  if (grep !== undefined) return { unit: "grep", pattern: grep, line: line ?? 1, maxLines, maxBytes, context };
  if (byLines) return { unit: "lines", line: line ?? 1, maxLines, maxBytes };
  return { unit: "bytes", offset: offset ?? 0, maxBytes };
}

const common = (fields: { readonly protocol?: number; readonly token?: string }) => ({
  protocol: protocolOf(fields),
  token: fields.token ?? "",
});

/** The request inside of a request. A token in it counts for nothing. */
function toExplain(request: object): OperationRequest {
  if (Object.hasOwn(request, "raw_argv") || Object.hasOwn(request, "operation"))
    return { ...operationRequest(request), token: "" };
  throw invalid("what is to be explained has neither operation nor raw_argv");
}

/** Turns a parsed JSON value into a typed request, or throws `request_unknown_type` / `request_invalid`. */
export function parseRequest(message: unknown): Request {
  const [name] = deciding(message) ?? [];
  if (name === undefined || typeof message !== "object" || message === null) {
    throw new CodedError(
      "request_unknown_type",
      "Unknown request type (expected list_operations, describe_operation, raw_argv or operation)",
    );
  }
  switch (name) {
    case "list_operations": {
      const fields = typed("list_request", message);
      return { kind: "list", ...common(fields), prefix: fields.prefix ?? "" };
    }
    case "describe_operation": {
      const fields = typed("describe_request", message);
      return { kind: "describe", ...common(fields), operation: fields.describe_operation ?? "" };
    }
    case "run_status": {
      const fields = typed("run_status_request", message);
      return { kind: "status", ...common(fields), runId: fields.run_status ?? "", waitMs: waitOf(fields) };
    }
    case "read_output": {
      const fields = typed("read_output_request", message);
      const { read_output: runId = "", stream = "stdout" } = fields;
      return { kind: "read", ...common(fields), runId, stream, wanted: wantedPage(fields), waitMs: waitOf(fields) };
    }
    case "cancel_run": {
      const fields = typed("cancel_run_request", message);
      return { kind: "cancel", ...common(fields), runId: fields.cancel_run ?? "" };
    }
    case "list_runs":
      return { kind: "runs", ...common(typed("list_runs_request", message)) };
    case "watch_operations": {
      const fields = typed("watch_request", message);
      return { kind: "watch", ...common(fields), revision: fields.watch_operations ?? "", waitMs: waitOf(fields) };
    }
    case "ping":
      return { kind: "ping", ...common(typed("ping_request", message)) };
    case "mcp_session": {
      const fields = typed("mcp_session_request", message);
      const { tools, max_tokens: maxTokens, timeout: timeoutSeconds } = fields.mcp_session ?? {};
      return { kind: "mcp_session", ...common(fields), options: { tools, maxTokens, timeoutSeconds } };
    }
    case "list_approvals": {
      const fields = typed("list_approvals_request", message);
      const { list_approvals: revision = "" } = fields;
      return { kind: "approvals", protocol: protocolOf(fields), revision, waitMs: waitOf(fields) };
    }
    case "answer_approval": {
      const fields = typed("answer_approval_request", message);
      const { answer_approval: id = "", answer, seconds, note = "" } = fields;
      return { kind: "answer", protocol: protocolOf(fields), id, answer, seconds, note };
    }
    case "stats": {
      const fields = typed("stats_request", message);
      return { kind: "stats", protocol: protocolOf(fields), project: fields.stats?.project };
    }
    case "list_grants":
      return { kind: "grants", protocol: protocolOf(typed("list_grants_request", message)) };
    case "revoke_grants": {
      const fields = typed("revoke_grants_request", message);
      const { revoke_grants: ids = [], project, session, all = false } = fields;
      return { kind: "revoke_grants", protocol: protocolOf(fields), ids, project, session, all };
    }
    case "explain_operation": {
      const fields = typed("explain_operation_request", message);
      const { token = "" } = fields;
      const asked = { ...toExplain(fields.explain_operation), token };
      return { kind: "explain_operation", ...common(fields), asked };
    }
    case "explain": {
      const fields = typed("explain_request", message);
      const { project, request } = fields.explain;
      return { kind: "explain", protocol: protocolOf(fields), project, asked: toExplain(request) };
    }
    case "page": {
      const fields = typed("page_request", message);
      const { socket, stop = false } = fields.page ?? {};
      return { kind: "page", ...common(fields), socket, stop };
    }
    default:
      return operationRequest(message);
  }
}

/** Milliseconds. */
function waitOf({ wait_seconds: seconds = 0 }: { readonly wait_seconds?: number }): number {
  return seconds * 1_000;
}
