import type { McpSessionOptions } from "../../wire/request.ts";
import type { Approvals } from "../approval/approvals.ts";
import type { ServedPage, Stats } from "../../wire/schema.ts";
import type { Audit } from "../audit/audit.ts";
import type { Session } from "../auth/token-store.ts";
import type { Attached, RunResult } from "../exec/run.ts";
import type { StagedFile, StagedInput } from "../exec/staging.ts";
import type { WorkspaceFacts } from "../git/inspection/inspect.ts";
import type { Limits } from "../limits/limits.ts";
import type { Project } from "../project/types.ts";
import type { Redaction } from "../redact/redaction.ts";
import type { Runs } from "../runs/runs.ts";
import type { Work } from "./work.ts";

/** Who connected. */
export interface Peer {
  /** `owner`: through the daemon's own socket, which nobody but the owner of the host can open. */
  readonly transport: "tcp" | "unix" | "internal" | "owner" | "link" | "http";
  /** What limits are counted by: the TCP address, the socket, or the gateway. */
  readonly id: string;
  /** Of a gateway that proved its key: for whom it asks. */
  readonly via?: Via;
}

/** What a gateway says of a request that it passes on. It is believed, because the machine's owner let that gateway in. */
export interface Via {
  /** Who asked the gateway. */
  readonly caller: string;
  /** By which name the fleet knows this machine. */
  readonly target: string;
  /** Under which the gateway records the request; so both ends have the same. */
  readonly id: string;
}

/** Whom an MCP server is for. The token is what it speaks with the daemon by, as any other client. */
export interface McpServing {
  readonly session: Session;
  readonly token: string;
  readonly options: McpSessionOptions;
}

/** A path inside a workspace that will be written. */
export interface Destination {
  readonly absolute: string;
  readonly relative: string;
}

/** The page, for the owner of the host. */
export interface PageDoor {
  /** Serves it, and makes a login. @param socket a Unix socket instead of a port @throws CodedError `page_unavailable`, `listen_failed`, … */
  open(socket: string | undefined): Promise<ServedPage>;
  /** Ends it. False when it was not served. */
  stop(): Promise<boolean>;
}

/** What the engine needs of the other rooms. The daemon hands them in. */
export interface Rooms {
  readonly authenticate: (token: string) => Session;
  readonly resolveProject: (session: Session) => Project;
  readonly inspectWorkspace: (path: string, projectPaths: readonly string[]) => WorkspaceFacts;
  /** The daemon's PATH without what lies in these workspaces (real paths). */
  readonly searchPath: (workspaces: readonly string[]) => string;
  readonly stage: (workspace: string, destination: Destination, maxBytes: number | undefined) => StagedFile;
  /** Copies a file of the workspace; `relative` holds no links. */
  readonly copyIn: (workspace: string, relative: string, maxBytes: number) => Promise<StagedInput>;
  /** Stands for `stage` and `copyIn` when nothing is to be written: the same checks, no file. */
  readonly dry: Pick<Rooms, "stage" | "copyIn">;
  /** The tags of a machine of the fleet. @throws CodedError `gateway_*` */
  readonly targetTags: (name: string) => Promise<readonly string[]>;
  readonly execute: (work: Work, signal: AbortSignal, attached: Attached) => Promise<RunResult>;
  /** Runs an MCP server for a session until its client or the session ends. @throws CodedError `too_many_sessions`, `spawn_failed` */
  readonly serveMcp: (asked: McpServing, signal: AbortSignal, attached: Attached) => Promise<RunResult>;
  readonly runs: Runs;
  readonly approvals: Approvals;
  readonly limits: Limits;
  readonly page: PageDoor;
  /** What was counted since the start; of one project only, when it is named. */
  readonly stats: (project: string | undefined) => Stats;
  /** How long it took to decide on an operation that is permitted, its record included. */
  readonly decidedIn: (ms: number) => void;
  readonly audit: Audit;
  readonly redaction: Pick<Redaction, "for">;
  /** Something was thrown that nobody expected. */
  readonly reportBug: (error: unknown, decisionId: string) => void;
  /** Directories of the daemon's own, absolute, the longest first: sessions are not told where they lie. */
  readonly ownPaths: readonly string[];
  readonly settings: EngineSettings;
}

/** Bounds and surroundings that hold for every operation. */
export interface EngineSettings {
  /** The daemon's own environment, as it was at start. */
  readonly hostEnvironment: ReadonlyMap<string, string>;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly graceMs: number;
  readonly maxStdoutBytes: number;
  readonly maxStderrBytes: number;
  /** Upper bound of what an operation may ask for itself. */
  readonly maxOutputBytes: number;
  readonly maxStdinBytes: number;
}
