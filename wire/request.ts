import type { AnswerKind, StreamName, ToolMode } from "./names.ts";

/** A request after parsing: what the pipeline works on. Values of parameters are still untyped JSON. */
export interface OperationRequest {
  readonly kind: "operation";
  /** 2 when the client announced the newer protocol, else 1. */
  readonly protocol: 1 | 2;
  readonly requestId: string | undefined;
  readonly token: string;
  readonly targetRepo: string;
  readonly cwdHint: CwdHint | undefined;
  /** True when the client will send standard input if the operation takes it. */
  readonly offersStdin: boolean;
  /** True when it is to be denied if the operation does not take it. */
  readonly needsStdin: boolean;
  /** True when it is to go on by itself; the answer is the run as it begins. */
  readonly background: boolean;
  /** Whether standard output is wanted as the operation's filters leave it; undefined leaves it to the way in. */
  readonly filtered: boolean | undefined;
  /** True when the client wants to know where the time went. */
  readonly profile: boolean;
  /** Asked for by the client; the operation's own limit is not exceeded by it. */
  readonly timeoutSeconds: number | undefined;
  /** The machine of a fleet that it is for; empty when the caller names none. */
  readonly target: string;
  /** On a machine: where the program runs; empty is the home directory. */
  readonly workDir: string;
  /** On a machine: variables that are added to the program's environment. */
  readonly env: ReadonlyMap<string, string>;
  readonly route: NamedRoute | RawRoute;
}

/** The operation is named: the MCP server's way. */
export interface NamedRoute {
  readonly kind: "named";
  readonly operation: string;
  readonly params: ReadonlyMap<string, unknown>;
  readonly flags: readonly string[];
}

/** A command line that must be matched to an operation: the stand-in's way. */
export interface RawRoute {
  readonly kind: "raw";
  readonly argv: readonly string[];
}

/** Where the caller says it stands. A hint, never trusted. */
export interface CwdHint {
  readonly toplevel: string;
  readonly originUrl: string;
  /** The same place, relative to the mount that holds it: `.` is the mount itself; empty when unknown. */
  readonly relative?: string;
}

export interface ListRequest {
  readonly kind: "list";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly prefix: string;
}

export interface DescribeRequest {
  readonly kind: "describe";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly operation: string;
}

/** How a run is, at once or when it has ended or the time is over. */
export interface StatusRequest {
  readonly kind: "status";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly runId: string;
  readonly waitMs: number;
}

/** Which part of a stream is wanted. */
export type PageWanted =
  /** Negative offsets count from the end. */
  | { readonly unit: "bytes"; readonly offset: number; readonly maxBytes: number }
  /** Lines count from 1; negative ones from the end. */
  | { readonly unit: "lines"; readonly line: number; readonly maxLines: number; readonly maxBytes: number }
  | {
      readonly unit: "grep";
      readonly pattern: string;
      readonly line: number;
      readonly maxLines: number;
      readonly maxBytes: number;
      readonly context: number;
    };

/** A part of a run's output; with a wait, of one that goes on, as soon as something is there. */
export interface ReadRequest {
  readonly kind: "read";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly runId: string;
  readonly stream: StreamName;
  readonly wanted: PageWanted;
  readonly waitMs: number;
}

export interface CancelRequest {
  readonly kind: "cancel";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly runId: string;
}

export interface RunsRequest {
  readonly kind: "runs";
  readonly protocol: 1 | 2;
  readonly token: string;
}

/** The list of operations, when it is no longer the one of `revision`, or the time is over. */
export interface WatchRequest {
  readonly kind: "watch";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly revision: string;
  readonly waitMs: number;
}

/** Whether the host is there. */
export interface PingRequest {
  readonly kind: "ping";
  readonly protocol: 1 | 2;
  readonly token: string;
}

/** A session with the MCP server, which the daemon starts for it. */
export interface McpSessionRequest {
  readonly kind: "mcp_session";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly options: McpSessionOptions;
}

/** What a client may say about its MCP server. Everything else is the daemon's to decide. */
export interface McpSessionOptions {
  readonly tools: ToolMode | undefined;
  readonly maxTokens: number | undefined;
  readonly timeoutSeconds: number | undefined;
}

/** The page: serve it, or end it. For the owner of the host, on a way in of the owner's own. */
export interface PageDoorRequest {
  readonly kind: "page";
  readonly protocol: 1 | 2;
  readonly token: string;
  readonly socket: string | undefined;
  readonly stop: boolean;
}

/** About runs. The owner of the host may ask these without a token, on a way in of the owner's own. */
export type AboutRuns = StatusRequest | ReadRequest | CancelRequest | RunsRequest;

/** What the owner of the host asks about calls that wait for a person. On the owner's way in only; there is no token. */
export type AboutApprovals =
  | { readonly kind: "approvals"; readonly protocol: 1 | 2; readonly revision: string; readonly waitMs: number }
  | {
      readonly kind: "answer";
      readonly protocol: 1 | 2;
      readonly id: string;
      readonly answer: AnswerKind;
      readonly seconds: number | undefined;
      readonly note: string;
    }
  | { readonly kind: "grants"; readonly protocol: 1 | 2 }
  | {
      readonly kind: "revoke_grants";
      readonly protocol: 1 | 2;
      readonly ids: readonly string[];
      readonly project: string | undefined;
      readonly session: string | undefined;
      readonly all: boolean;
    };

/** What would become of an operation, for the session that asks. */
export interface ExplainOperationRequest {
  readonly kind: "explain_operation";
  readonly protocol: 1 | 2;
  readonly token: string;
  /** With the session's token. */
  readonly asked: OperationRequest;
}

/** The same for the owner of the host, of any project. On the owner's way in only; there is no token. */
export interface ExplainRequest {
  readonly kind: "explain";
  readonly protocol: 1 | 2;
  readonly project: string;
  readonly asked: OperationRequest;
}

/** The owner of the host asks what was counted. On the owner's way in only; there is no token. */
export interface StatsRequest {
  readonly kind: "stats";
  readonly protocol: 1 | 2;
  /** Only its operations. */
  readonly project: string | undefined;
}

export type Request =
  | StatsRequest
  | ExplainOperationRequest
  | ExplainRequest
  | OperationRequest
  | ListRequest
  | DescribeRequest
  | AboutRuns
  | WatchRequest
  | PingRequest
  | McpSessionRequest
  | AboutApprovals
  | PageDoorRequest;
/** Which form of reply a client expects. */
export type ReplyShape =
  | "operation"
  | "list"
  | "describe"
  | "run"
  | "page"
  | "runs"
  | "approvals"
  | "grants"
  | "stats"
  | "pong"
  | "explanation"
  | "served_page";
