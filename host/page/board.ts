import type { RunInfo } from "../../wire/schema.ts";
import type { Activity, Desk, DaemonAbout, Grant, PendingApproval, ProjectRow, Stop, TokenRow } from "./desk.ts";
import { shownApproval, shownGrant, type ShownApproval } from "./shown.ts";

/** Runs that have ended, and approvals, grants and tokens, on one board. */
const MAX_ENDED_RUNS = 60;
const MAX_RUNS = 200;
const MAX_PENDING = 50;
const MAX_ROWS = 500;
/** The chart: so many parts of so much time. */
const ACTIVITY_MS = 60 * 60 * 1_000;
const ACTIVITY_PARTS = 60;

/** What every connected page is told of: one member changes as a whole. */
export interface Board {
  readonly about: DaemonAbout;
  readonly runs: readonly RunInfo[];
  readonly projects: readonly ProjectRow[];
  readonly tokens: readonly TokenRow[];
  /** Oldest first; `waiting` counts those too that are not among them. */
  readonly approvals: { readonly list: readonly ShownApproval[]; readonly waiting: number } | undefined;
  readonly grants: readonly Grant[] | undefined;
  readonly stops: readonly Stop[] | undefined;
  /** The revision of the decisions: what they are is asked for. */
  readonly decisions: number | undefined;
  readonly activity: readonly Activity[] | undefined;
}

function newestRuns(runs: readonly RunInfo[]): readonly RunInfo[] {
  let ended = 0;
  const newest = runs.filter(({ state }) => state === "running" || ++ended <= MAX_ENDED_RUNS).slice(0, MAX_RUNS);
  // How long a run goes on is not news.
  return newest.map((run) => (run.state === "running" ? { ...run, duration_ms: 0 } : run));
}

function pendingOf(pending: readonly PendingApproval[]): Board["approvals"] {
  return { list: pending.slice(0, MAX_PENDING).map((approval) => shownApproval(approval)), waiting: pending.length };
}

/** How things are now, bounded. */
export function boardOf(desk: Desk, now: number): Board {
  // Parts begin at full minutes, so that the past does not change.
  const until = Math.ceil((now + 1) / 60_000) * 60_000;
  return {
    about: desk.about(),
    approvals: desk.approvals === undefined ? undefined : pendingOf(desk.approvals.pending()),
    runs: newestRuns(desk.runs.list()),
    projects: desk.projects.list().slice(0, MAX_ROWS),
    tokens: desk.tokens.list().slice(0, MAX_ROWS),
    grants: desk.grants?.list().slice(0, MAX_ROWS).map(shownGrant),
    stops: desk.stops?.list().slice(0, MAX_ROWS),
    decisions: desk.decisions?.revision(),
    activity: desk.decisions?.activity(until - ACTIVITY_MS, ACTIVITY_PARTS),
  };
}
