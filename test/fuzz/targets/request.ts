import { CodedError } from "../../../wire/errors.ts";
import { RequestFramer } from "../../../wire/framing.ts";
import { parseRequest } from "../../../wire/parse-request.ts";
import type {
  AboutApprovals,
  AboutRuns,
  StatsRequest,
  OperationRequest,
  Request,
  WatchRequest,
} from "../../../wire/request.ts";
import { byteLength, printable } from "../../../wire/text.ts";
import { attempt, demand, type Target } from "../engine/target.ts";

function aboutRuns(request: AboutRuns | WatchRequest): object {
  const wait = "waitMs" in request ? { wait_seconds: request.waitMs / 1_000 } : {};
  switch (request.kind) {
    case "status":
      return { ...wait, run_status: request.runId };
    case "cancel":
      return { cancel_run: request.runId };
    case "runs":
      return { list_runs: true };
    case "watch":
      return { ...wait, watch_operations: request.revision };
    case "read": {
      const { wanted } = request;
      const page = { ...wait, read_output: request.runId, stream: request.stream, max_bytes: wanted.maxBytes };
      if (wanted.unit === "bytes") return { ...page, offset: wanted.offset };
      const lines = { ...page, line: wanted.line, max_lines: wanted.maxLines };
      return wanted.unit === "lines" ? lines : { ...lines, grep: wanted.pattern, context_lines: wanted.context };
    }
  }
}

function defined(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function ownersRequest(request: AboutApprovals | StatsRequest): object {
  const { protocol } = request;
  switch (request.kind) {
    case "approvals":
      return { protocol, list_approvals: request.revision, wait_seconds: request.waitMs / 1_000 };
    case "answer": {
      const { id, answer, seconds, note } = request;
      return defined({ protocol, answer_approval: id, answer, seconds, note });
    }
    case "stats":
      return { protocol, stats: defined({ project: request.project }) };
    case "grants":
      return { protocol, list_grants: true };
    case "revoke_grants": {
      const { ids, project, session, all } = request;
      return defined({ protocol, revoke_grants: ids, project, session, all });
    }
  }
}

/** The JSON that means the request, written out in full. */
function written(request: Request): object {
  if (request.kind === "explain")
    return { protocol: request.protocol, explain: { project: request.project, request: operation(request.asked) } };
  if (!("token" in request)) return ownersRequest(request);
  const common = { protocol: request.protocol, token: request.token };
  if (request.kind === "list") return { ...common, list_operations: true, prefix: request.prefix };
  if (request.kind === "describe") return { ...common, describe_operation: request.operation };
  if (request.kind === "mcp_session") {
    const { tools, maxTokens, timeoutSeconds } = request.options;
    return { ...common, mcp_session: defined({ tools, max_tokens: maxTokens, timeout: timeoutSeconds }) };
  }
  if (request.kind === "explain_operation") return { ...common, explain_operation: operation(request.asked) };
  if (request.kind === "ping") return { ...common, ping: true };
  if (request.kind === "page") return { ...common, page: defined({ socket: request.socket, stop: request.stop }) };
  if (request.kind !== "operation") return { ...common, ...aboutRuns(request) };
  return { ...common, ...operation(request) };
}

function operation(request: OperationRequest): object {
  const { route, cwdHint: hint } = request;
  return {
    protocol: request.protocol,
    target_repo: request.targetRepo,
    stdin: request.offersStdin,
    stdin_required: request.needsStdin,
    background: request.background,
    timings: request.profile,
    target: request.target,
    work_dir: request.workDir,
    env: Object.fromEntries(request.env),
    ...(request.filtered === undefined ? {} : { filtered: request.filtered }),
    ...(request.timeoutSeconds === undefined ? {} : { timeout_seconds: request.timeoutSeconds }),
    ...(request.requestId === undefined ? {} : { request_id: request.requestId }),
    ...(hint === undefined
      ? {}
      : { cwd_context: defined({ toplevel: hint.toplevel, origin_url: hint.originUrl, relative: hint.relative }) }),
    ...(route.kind === "raw"
      ? { raw_argv: route.argv }
      : { operation: route.operation, params: Object.fromEntries(route.params), flags: route.flags }),
  };
}

function plain(request: Request): string {
  return JSON.stringify(request, (_, value: unknown) =>
    value instanceof Map ? [...(value as Map<string, unknown>)] : value,
  );
}

function isTexts(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

/** Any JSON: a request that means the same when it is written out and read again, or a coded error that can be shown. */
export const request: Target = {
  name: "request",
  modules: ["wire/parse.ts", "wire/parse-request.ts", "wire/fold.ts"],
  tokens: [
    ...['"list_operations":true', '"describe_operation":"x"', '"operation":"test_op"', '"raw_argv":["gh","x"]'],
    ...['"params":{}', '"flags":["--a"]', '"token":"t"', '"target_repo":"o/r"', '"request_id":"r-1"', '"source":"mcp"'],
    ...[
      '"cwd_context":{"toplevel":"/a","origin_url":"u","relative":"."}',
      '"protocol":2',
      '"Operation":',
      '"__proto__":',
      "null",
      ",",
    ],
    ...['"run_status":"x"', '"read_output":"x"', '"cancel_run":"x"', '"list_runs":true', '"watch_operations":""'],
    ...['"list_approvals":""', '"answer_approval":"x"', '"answer":"once"', '"revoke_grants":[]'],
    ...['"wait_seconds":1', '"grep":"a"', '"line":-1', '"max_lines":2', '"stdin":true', '"background":true'],
    ...['"constructor":', '"toString":', "[]", "{}", "1e400", "-0", '"\\u0000"'],
  ],
  seeds: [
    '{"operation":"test_op","params":{"message":"x","n":1},"flags":["--v"],"token":"t","request_id":"a.b-1","source":"mcp","target_repo":"o/r","protocol":2,"cwd_context":{"toplevel":"/a","origin_url":"u","relative":"b/c"}}',
    '{"list_operations":true,"prefix":"gh_","token":"t"}',
    '{"describe_operation":"x","token":"t"}',
    '{"raw_argv":["gh",null,"view"],"token":"t"}',
  ],
  maxBytes: 2_048,
  start: () => ({
    check: (input) => {
      const frame = new RequestFramer().push(input);
      if (frame.state !== "message") return;
      const parsed = attempt(() => parseRequest(frame.message));
      if (!parsed.ok) {
        const { error } = parsed;
        if (!(error instanceof CodedError)) throw error;
        demand(["request_invalid", "request_unknown_type"].includes(error.code), "another code", error.code);
        demand(printable(error.message) === error.message, "a message that cannot be shown", error.message);
        demand(byteLength(error.message) < 4_096, "a message without bound", error.message);
        return;
      }
      const { value } = parsed;
      demand(!("token" in value) || typeof value.token === "string", "a token that is no text");
      if (value.kind === "operation") {
        const { route } = value;
        demand(isTexts(route.kind === "raw" ? route.argv : route.flags), "words that are no texts", route);
      }
      const again = attempt(() => parseRequest(JSON.parse(JSON.stringify(written(value)))));
      if (!again.ok) throw again.error;
      demand(plain(again.value) === plain(value), "means something else when written out", [value, again.value]);
    },
  }),
};
