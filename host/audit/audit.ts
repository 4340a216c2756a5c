import type { Code } from "../../wire/codes.ts";

/** Who asked, and through which door. */
export interface Origin {
  readonly peer: string;
  readonly transport: "tcp" | "unix" | "internal" | "owner" | "link" | "http";
  /** Short: tells sessions apart, useless as a token. */
  readonly session: string | undefined;
  readonly requestId: string | undefined;
  /** Of a gateway, who asked it. The gateway says so. */
  readonly caller?: string | undefined;
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
    | "approvals"
    | "answer"
    | "explain"
    | "explain_operation"
    | "grants"
    | "revoke_grants"
    | "page"
    | "stats"
    | "ping"
    | "rest"
    | undefined;
  /** The repository, or the name by which a fleet knows the machine. */
  readonly target: string | undefined;
  readonly targetSource: string | undefined;
  /** Of a machine of a fleet: the node that it runs on. */
  readonly node?: string | undefined;
  readonly verdict: "permit" | "deny";
  /** On a denial. */
  readonly code: Code | undefined;
  readonly message: string | undefined;
  /**
   * What decided: `allowed_operations`, `grant:ID`, `approval:ID`, or the code of the step that denied. Of what the owner says: `once:ID`, `call:ID`,
   * `operation:ID`, `deny:ID`, `revoke_grants`.
   */
  readonly rule: string | undefined;
  /** The way in which a person answered, when one was asked. */
  readonly approver: string | undefined;
  /** Of the plan, as people are shown it; never secrets. */
  readonly argv: readonly string[] | undefined;
  /** Names of the variables that the caller added to the program's environment. Their values may be secrets. */
  readonly env?: readonly string[] | undefined;
  readonly cwd: string | undefined;
  /** SHA-256 of standard input, when it was known before the start. */
  readonly stdinDigest: string | undefined;
}

/** SHA-256 of what was let out of each stream, in hex. Undefined for a stream that is empty or too long to hash beside the run. */
export interface OutputDigests {
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
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
  readonly outputDigest: OutputDigests | undefined;
  /** Places in the output that were masked. */
  readonly redacted: number;
}

/**
 * Where decisions and endings go. `decided` returns only when the record is safe; when it throws, nothing runs. `ended` keeps what cannot be
 * written now until it can.
 */
export interface Audit {
  decided(decision: Decision): void;
  ended(ending: Ending): void;
}
