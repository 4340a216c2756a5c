import type { Code } from "../../wire/codes.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Completed, Failed } from "../../wire/outcome.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { Bell } from "./bell.ts";
import type { RunAbout, Viewer } from "./runs.ts";
import type { StreamState } from "./stored-stream.ts";

/** How a run ended, without its output. */
export interface Ending {
  readonly state: "completed" | "failed";
  /** Milliseconds since 1970. */
  readonly endedMs: number;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly code?: Code;
  readonly message?: string;
  readonly hint?: string;
  readonly notice?: string;
  readonly redacted?: number;
  readonly lastLine?: string;
}

/** What an outcome says, without the output that it carries. */
export function endingOf(outcome: Completed | Failed, endedMs: number, lastLine: string | undefined): Ending {
  const { kind, exitCode, signal, notice, redacted } = outcome;
  return {
    state: kind,
    endedMs,
    exitCode,
    ...(signal === undefined ? {} : { signal }),
    ...(outcome.kind === "failed" ? { code: outcome.code, message: outcome.message, hint: outcome.hint } : {}),
    ...(notice === undefined ? {} : { notice }),
    ...(redacted > 0 ? { redacted } : {}),
    ...(lastLine === undefined ? {} : { lastLine }),
  };
}

/** A run, whether it goes on or not: what is known of it. */
export class RunRecord {
  readonly about: RunAbout;
  /** Grows from run to run. */
  readonly order: number;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  /** Rings when the run ends, and when it has written something. */
  readonly changed = new Bell();
  readonly ended = new Bell();
  readonly streams: Record<StreamName, StreamState>;
  /** Undefined while it goes on. */
  ending: Ending | undefined;
  /** Of a run that goes on. */
  lastLine: () => string | undefined = () => undefined;
  stop: (reason: "cancelled" | "shutting_down") => void = () => undefined;
  /** What is still found out about a run of an earlier daemon. */
  recovered: Promise<void> | undefined;
  /** True once nobody can ask for it any more. */
  removed = false;

  constructor(
    { about, order, startedMs }: Pick<RunRecord, "about" | "order" | "startedMs">,
    streams: Record<StreamName, StreamState>,
    ending?: Ending,
  ) {
    this.about = about;
    this.order = order;
    this.startedMs = startedMs;
    this.streams = streams;
    this.ending = ending;
  }

  get state(): RunInfo["state"] {
    return this.ending?.state ?? "running";
  }

  /** Bytes that are kept of it. */
  get held(): number {
    return this.streams.stdout.held + this.streams.stderr.held;
  }

  info(viewer: Viewer, nowMs: number): RunInfo {
    const { about, ending } = this;
    const lastLine = ending === undefined ? this.lastLine() : ending.lastLine;
    return {
      run_id: about.id,
      operation: about.operation,
      project: about.project,
      ...(viewer.kind === "owner" ? { session: about.session.slice(0, 8) } : {}),
      state: this.state,
      background: about.background,
      started_at: new Date(this.startedMs).toISOString(),
      duration_ms: Math.max(0, Math.round((ending?.endedMs ?? nowMs) - this.startedMs)),
      ...(ending?.exitCode === undefined ? {} : { exit_code: ending.exitCode }),
      ...(ending?.signal === undefined ? {} : { signal: ending.signal }),
      ...(ending?.code === undefined ? {} : { code: ending.code }),
      ...(ending?.message === undefined ? {} : { message: ending.message }),
      ...(ending?.hint === undefined ? {} : { hint: ending.hint }),
      ...(ending?.notice === undefined ? {} : { notice: ending.notice }),
      ...(ending?.redacted === undefined ? {} : { redacted: ending.redacted }),
      stdout: streamInfo(this.streams.stdout),
      stderr: streamInfo(this.streams.stderr),
      ...(lastLine === undefined ? {} : { last_line: lastLine }),
    };
  }
}

function streamInfo({ bytes, lines, missing }: StreamState): RunInfo["stdout"] {
  return { bytes, lines, ...(missing === undefined ? {} : { missing }) };
}
