import type { Code } from "./codes.ts";
import type { CodedError } from "./errors.ts";
import type { ReplyShape } from "./request.ts";
import type {
  Explanation,
  GrantFields,
  OperationInfo,
  OutputPage,
  PendingApproval,
  PongFields,
  RunInfo,
  ServedPage,
  Stats,
} from "./schema.ts";

/** Output of one stream: the first bytes up to the cap, cut between characters, and how many there were in all. */
export interface Captured {
  readonly bytes: Buffer;
  readonly total: number;
  readonly truncated: boolean;
}

/** The program ran to its own end, well or badly. */
export interface Completed {
  readonly kind: "completed";
  /** 0–255; 128+n when signal n ended it. */
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: Captured;
  readonly stderr: Captured;
  /** Something the caller should know although it worked, for example processes that could not be found. */
  readonly notice: string | undefined;
  /** Places that held a secret, and were masked. */
  readonly redacted: number;
}

/** Policy said no; nothing ran. */
export interface Denied {
  readonly kind: "denied";
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
}

/** It was allowed, but could not be started or was ended by us. */
export interface Failed {
  readonly kind: "failed";
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly notice: string | undefined;
  readonly redacted: number;
}

export type Outcome = Completed | Denied | Failed;

/** Standard output after an operation's filters, and what they left out: one short sentence each. */
export interface Filtered {
  readonly stdout: string;
  readonly dropped: readonly string[];
}

/** The end of an operation, or its denial. */
export interface OperationEnd {
  readonly shape: "operation";
  readonly requestId: string | undefined;
  readonly protocol: 1 | 2;
  /** Undefined when nothing ran. */
  readonly runId: string | undefined;
  readonly outcome: Outcome;
  readonly filtered: Filtered | undefined;
  /** Where the time went, in milliseconds by stage, for a client that asked. */
  readonly timings?: Readonly<Record<string, number>> | undefined;
}

/** What goes back to a client, before it is written in a protocol's form. */
export type Reply =
  | OperationEnd
  | { readonly shape: "list"; readonly operations: readonly OperationInfo[]; readonly revision: string }
  | { readonly shape: "describe"; readonly operation: OperationInfo }
  | { readonly shape: "run"; readonly run: RunInfo }
  | { readonly shape: "page"; readonly page: OutputPage }
  | { readonly shape: "runs"; readonly runs: readonly RunInfo[] }
  | { readonly shape: "approvals"; readonly approvals: readonly PendingApproval[]; readonly revision: string }
  | { readonly shape: "stats"; readonly stats: Stats }
  | { readonly shape: "pong"; readonly pong: PongFields }
  | { readonly shape: "grants"; readonly grants: readonly GrantFields[] }
  | { readonly shape: "explanation"; readonly explanation: Explanation }
  | { readonly shape: "served_page"; readonly served: ServedPage }
  /** Another host's reply as it came, from a gateway. */
  | { readonly shape: "passed_on"; readonly fields: object }
  | { readonly shape: Exclude<ReplyShape, "operation">; readonly error: CodedError };

export const NO_OUTPUT: Captured = { bytes: Buffer.alloc(0), total: 0, truncated: false };
