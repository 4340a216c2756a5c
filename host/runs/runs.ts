import type { Completed, Failed } from "../../wire/outcome.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { PageWanted } from "../../wire/request.ts";
import type { StreamName } from "../../wire/names.ts";
import type { OutputPage, RunInfo } from "../../wire/schema.ts";

/** Who asks about runs: a session sees its own, the owner of the host all. */
export type Viewer = { readonly kind: "owner" } | { readonly kind: "session"; readonly key: string };

/** What is known of a run when it begins. */
export interface RunAbout {
  /** The id of the decision in the audit. */
  readonly id: string;
  /** The session's key: the hash of its token. */
  readonly session: string;
  readonly project: string;
  readonly operation: string;
  readonly background: boolean;
}

/** A run that goes on. */
export interface ActiveRun {
  readonly id: string;
  /** Aborts with `cancelled` or `shutting_down` as reason. */
  readonly signal: AbortSignal;
  /** Keeps what the program writes, within the limits. */
  readonly output: OutputSink;
  /** Aborts `signal`. */
  stop(reason: "cancelled" | "shutting_down"): void;
  /** The last word; what is kept becomes final. */
  end(outcome: Completed | Failed): void;
}

/** Recent runs, those that go on among them: what they are, what they wrote, and how they are ended. */
export interface Runs {
  /** @throws CodedError `too_many_runs` */
  begin(about: RunAbout): ActiveRun;
  /** At once, or when the run has ended or `waitMs` are over. @throws CodedError `run_unknown` */
  status(viewer: Viewer, id: string, waitMs: number, signal: AbortSignal): Promise<RunInfo>;
  /** @throws CodedError `run_unknown`, `request_invalid` (a pattern), `output_lost` */
  read(
    viewer: Viewer,
    id: string,
    stream: StreamName,
    wanted: PageWanted,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<OutputPage>;
  /** Ends a run; one that has ended already is left as it is. @throws CodedError `run_unknown` */
  cancel(viewer: Viewer, id: string): RunInfo;
  /** Newest first. */
  list(viewer: Viewer): readonly RunInfo[];
}
