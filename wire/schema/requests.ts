import { type Static, Type } from "typebox";
import { STREAMS, TOOL_MODES } from "../names.ts";
import { oneOf, waitSeconds } from "./common.ts";

/** Requests; those of the owner of the host alone are in owner-requests.ts. */

const CwdContext = Type.Object({
  toplevel: Type.Optional(Type.String()),
  origin_url: Type.Optional(Type.String()),
  relative: Type.Optional(Type.String()),
});

export const OperationRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  request_id: Type.Optional(Type.String()),
  operation: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
  raw_argv: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
  params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  flags: Type.Optional(Type.Array(Type.String())),
  token: Type.Optional(Type.String()),
  target_repo: Type.Optional(Type.String()),
  cwd_context: Type.Optional(CwdContext),
  // from here on ours
  stdin: Type.Optional(Type.Boolean()),
  stdin_required: Type.Optional(Type.Boolean()),
  background: Type.Optional(Type.Boolean()),
  filtered: Type.Optional(Type.Boolean()),
  /** Wants to know where the time went. */
  timings: Type.Optional(Type.Boolean()),
  timeout_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
  /** The machine of a fleet; a gateway finds it. */
  target: Type.Optional(Type.String()),
  /** On a machine: where the program runs, and variables that are added to its environment. */
  work_dir: Type.Optional(Type.String()),
  env: Type.Optional(Type.Record(Type.String(), Type.String())),
});

export const ListRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  list_operations: Type.Optional(Type.Boolean()),
  prefix: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
});

export const DescribeRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  describe_operation: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
});

export const RunStatusRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  run_status: Type.Optional(Type.String()),
  wait_seconds: waitSeconds(),
  token: Type.Optional(Type.String()),
});

export const ReadOutputRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  read_output: Type.Optional(Type.String()),
  stream: Type.Optional(oneOf(STREAMS)),
  offset: Type.Optional(Type.Integer()),
  max_bytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_048_576 })),
  line: Type.Optional(Type.Integer()),
  max_lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  grep: Type.Optional(Type.String({ maxLength: 1_000 })),
  context_lines: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  wait_seconds: waitSeconds(),
  token: Type.Optional(Type.String()),
});

export const CancelRunRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  cancel_run: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
});

export const ListRunsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  list_runs: Type.Optional(Type.Boolean()),
  token: Type.Optional(Type.String()),
});

export const WatchRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  watch_operations: Type.Optional(Type.String()),
  wait_seconds: waitSeconds(),
  token: Type.Optional(Type.String()),
});

/** What would become of an operation. `explain_operation` is its request, without a token. */
export const ExplainOperationRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  explain_operation: OperationRequestFile,
  token: Type.Optional(Type.String()),
});

/** A session with the MCP server that the daemon starts: its standard input and output are the connection's. Frames only. */
export const McpSessionRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  mcp_session: Type.Optional(
    Type.Object({
      tools: Type.Optional(oneOf(TOOL_MODES)),
      max_tokens: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 200_000 })),
      /** Longest wait for the result of an operation, in seconds. */
      timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483 })),
    }),
  ),
  stdin: Type.Optional(Type.Boolean()),
  token: Type.Optional(Type.String()),
});

export type OperationRequestFields = Static<typeof OperationRequestFile>;
export type ListRequestFields = Static<typeof ListRequestFile>;
export type DescribeRequestFields = Static<typeof DescribeRequestFile>;
export type RunStatusRequestFields = Static<typeof RunStatusRequestFile>;
export type ReadOutputRequestFields = Static<typeof ReadOutputRequestFile>;
export type CancelRunRequestFields = Static<typeof CancelRunRequestFile>;
export type ListRunsRequestFields = Static<typeof ListRunsRequestFile>;
export type WatchRequestFields = Static<typeof WatchRequestFile>;
export type McpSessionRequestFields = Static<typeof McpSessionRequestFile>;
export type ExplainOperationRequestFields = Static<typeof ExplainOperationRequestFile>;
