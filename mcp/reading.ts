import type { StreamName } from "../wire/names.ts";

/** How the tools for runs are called: the words that results use to lead on. */

export const READ_TOOL = "cmd2host_read_output";
export const STATUS_TOOL = "cmd2host_run_status";
export const CANCEL_TOOL = "cmd2host_cancel_run";

interface Where {
  readonly line?: number;
  readonly offset?: number;
}

/** The call that reads a run's output from a place on. Run ids need no quoting. */
export function readCall(runId: string, stream: StreamName, where: Where): string {
  const from = Object.entries(where).map(([name, value]) => ` ${name}=${value}`);
  return `${READ_TOOL} run_id="${runId}"${stream === "stdout" ? "" : ' stream="stderr"'}${from.join("")}`;
}

/** The call that tells how a run is. */
export function statusCall(runId: string, waitSeconds: number): string {
  return `${STATUS_TOOL} run_id="${runId}" wait_seconds=${waitSeconds}`;
}

/** The call that ends a run. */
export function cancelCall(runId: string): string {
  return `${CANCEL_TOOL} run_id="${runId}"`;
}

/** The URI under which a run's output is a resource. */
export function outputUri(runId: string, stream: StreamName): string {
  return `cmd2host://runs/${encodeURIComponent(runId)}/${stream}`;
}
