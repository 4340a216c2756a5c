import type { AnswerKind, StreamName } from "../../wire/names.ts";
import type { OutputPage, RunInfo } from "../../wire/schema.ts";

/**
 * Everything that the page can ask of the daemon, as plain data. Times are milliseconds since 1970. Texts come as they are: whoever shows them makes
 * them safe. Methods that name something throw a `CodedError` when it is not there (any more).
 */
export interface Desk {
  about(): DaemonAbout;
  readonly runs: RunDesk;
  readonly projects: ProjectDesk;
  readonly tokens: TokenDesk;
  /** Undefined members: this daemon has no such thing, and the page does not show it. */
  readonly approvals: ApprovalDesk | undefined;
  readonly grants: GrantDesk | undefined;
  readonly decisions: DecisionDesk | undefined;
  readonly stops: StopDesk | undefined;
  /** Calls back when something may have changed that should be seen at once; returns how to end it. What it does not tell is seen within a second. */
  watch(changed: () => void): () => void;
}

export interface DaemonAbout {
  readonly version: string;
  readonly startedAt: number;
  /** The base directory. */
  readonly base: string;
}

export interface RunDesk {
  /** Newest first, of all sessions. */
  list(): readonly RunInfo[];
  /** A part of what a run wrote; of one that goes on, as soon as something is there or `waitMs` are over. A negative offset counts from the end. */
  output(id: string, wanted: OutputWanted, signal: AbortSignal): Promise<OutputPage>;
  cancel(id: string): void;
}

export interface OutputWanted {
  readonly stream: StreamName;
  readonly offset: number;
  readonly maxBytes: number;
  readonly waitMs: number;
}

/** `modified`: something is approved, but not these bytes. `unreadable`: the files could not be trusted or read. */
export type ProjectState = "allowed" | "modified" | "not_allowed" | "unreadable";

export interface ProjectRow {
  readonly id: string;
  readonly state: ProjectState;
}

/** A project, and how its configuration differs from the approved one. */
export interface ProjectView extends ProjectRow {
  readonly repos: readonly string[];
  readonly operations: readonly OperationRow[];
  /** What it would permit that was not approved, and the other way round. */
  readonly changes: readonly ProjectChange[];
  /** As `diff -u` writes it; empty when there is no difference, or nothing to compare with. */
  readonly text: string;
  /** Why the configuration, or what was approved of it, cannot be read. */
  readonly problem: string | undefined;
}

export interface OperationRow {
  readonly id: string;
  readonly about: string;
  readonly command: string;
  readonly allowed: boolean;
}

export interface ProjectChange {
  readonly effect: "widens" | "changes" | "narrows";
  readonly text: string;
  readonly details: readonly string[];
}

export interface ProjectDesk {
  list(): readonly ProjectRow[];
  view(id: string): ProjectView;
}

/** A token, never itself. */
export interface TokenRow {
  /** Names it here; useless as a token. */
  readonly id: string;
  /** What records call the session. */
  readonly session: string;
  readonly project: string;
  readonly repo: string;
  readonly label: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly state: "valid" | "expired" | "unreadable";
}

export interface TokenDesk {
  /** Newest first. */
  list(): readonly TokenRow[];
  revoke(id: string): Promise<void>;
}

/** A plan that waits for a person. */
export interface PendingApproval {
  readonly id: string;
  readonly askedAt: number;
  readonly expiresAt: number;
  readonly project: string;
  readonly operation: string;
  readonly title: string;
  /** What it does, in the operation's own words. */
  readonly says: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly target: string | undefined;
  /** What else is known of it: why a person is asked, the program's real path, files that it reads. `name` is ours. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly stdinDigest: string | undefined;
  readonly stdinBytes: number | undefined;
  readonly session: string;
  readonly peer: string;
  readonly route: string;
  readonly lastApproved: { readonly argv: readonly string[]; readonly at: number } | undefined;
  /** Who was asked besides: `terminal`, `webhook:phone`, … */
  readonly via: readonly string[];
  /** The answers that may be given. */
  readonly answers: readonly AnswerKind[];
}

export type Answer =
  | { readonly kind: "once" }
  /** This exact call, for this session. */
  | { readonly kind: "call" }
  /** This operation, for this session or for a time. */
  | { readonly kind: "operation"; readonly seconds: number | undefined }
  /** The note reaches the agent. */
  | { readonly kind: "deny"; readonly note: string };

export interface ApprovalDesk {
  /** Oldest first. */
  pending(): readonly PendingApproval[];
  /** @throws CodedError when it does not wait any more, or the answer is not among those that may be given */
  answer(id: string, answer: Answer): Promise<void>;
}

/** An answer that is remembered. */
export interface Grant {
  readonly id: string;
  readonly kind: "call" | "operation";
  readonly project: string;
  readonly operation: string;
  readonly session: string;
  readonly argv: readonly string[] | undefined;
  readonly grantedAt: number;
  /** Undefined: with the session. */
  readonly expiresAt: number | undefined;
  readonly by: string;
  readonly uses: number;
}

export interface GrantDesk {
  list(): readonly Grant[];
  revoke(id: string): Promise<void>;
}

/** What was decided on a request, and how it ended. */
export interface DecisionRow {
  readonly id: string;
  readonly at: number;
  readonly project: string | undefined;
  readonly operation: string | undefined;
  readonly session: string | undefined;
  readonly peer: string;
  readonly route: string | undefined;
  readonly verdict: "permit" | "deny";
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly argv: readonly string[] | undefined;
  readonly rule: string | undefined;
  readonly approver: string | undefined;
  readonly outcome: string | undefined;
  readonly exitCode: number | undefined;
  readonly durationMs: number | undefined;
}

/** Undefined members do not filter. */
export interface DecisionFilter {
  readonly project: string | undefined;
  readonly operation: string | undefined;
  readonly session: string | undefined;
  readonly verdict: "permit" | "deny" | undefined;
  /** Only rows behind this one, which was the last of an earlier answer. */
  readonly before: string | undefined;
  readonly limit: number;
}

export interface DecisionPage {
  /** Newest first. */
  readonly rows: readonly DecisionRow[];
  /** True when older ones match. */
  readonly more: boolean;
}

/** What happened from `at` on, until the next one. */
export interface Activity {
  readonly at: number;
  readonly permitted: number;
  readonly denied: number;
}

export interface DecisionDesk {
  find(filter: DecisionFilter): Promise<DecisionPage>;
  /** Changes with every new decision and ending. */
  revision(): number;
  /** In `count` equal parts of the time since `from`, the oldest first. */
  activity(from: number, count: number): readonly Activity[];
}

/** Where nothing may run for now. */
export interface Stop {
  /** Undefined: everywhere. */
  readonly project: string | undefined;
  readonly since: number;
  readonly by: string;
}

export interface StopDesk {
  list(): readonly Stop[];
  /** Denies everything at once and ends what runs. */
  stop(project: string | undefined): Promise<void>;
  resume(project: string | undefined): Promise<void>;
}
