import type { Code } from "../../wire/codes.ts";

/** Who asked, and through which door. */
export interface Origin {
  readonly peer: string;
  readonly session: string | undefined;
  readonly requestId: string | undefined;
}

/** The verdict on one request, recorded before anything runs. */
export interface Decision {
  readonly id: string;
  readonly origin: Origin;
  readonly project: string | undefined;
  readonly configHash: string | undefined;
  readonly operation: string | undefined;
  readonly route:
    | "mcp"
    | "raw_argv"
    | "mcp_session"
    | "list"
    | "describe"
    | "watch"
    | "status"
    | "read"
    | "cancel"
    | "runs"
    | "page"
    | undefined;
  readonly target: string | undefined;
  readonly targetSource: string | undefined;
  readonly verdict: "permit" | "deny";
  /** On a denial. */
  readonly code: Code | undefined;
  readonly message: string | undefined;
}

/** How a permitted request ended. Same id as its decision. */
export interface Ending {
  readonly id: string;
  readonly outcome: "completed" | "failed";
  readonly code: Code | undefined;
  readonly exitCode: number;
  readonly durationMs: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

/**
 * Where decisions and endings go. `decided` returns only when the record is safe; when it throws, nothing runs.
 */
export interface Audit {
  decided(decision: Decision): void;
  ended(ending: Ending): void;
}
