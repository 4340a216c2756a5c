import type { Reply } from "../../wire/outcome.ts";
import type { AboutRuns } from "../../wire/request.ts";
import type { Viewer } from "../runs/runs.ts";
import type { Rooms } from "./rooms.ts";

/** Answers what is asked about runs. @throws CodedError `run_unknown`, `request_invalid`, `output_lost` */
export async function aboutRuns(
  { runs }: Pick<Rooms, "runs">,
  request: AboutRuns,
  viewer: Viewer,
  signal: AbortSignal,
): Promise<Reply> {
  switch (request.kind) {
    case "status":
      return { shape: "run", run: await runs.status(viewer, request.runId, request.waitMs, signal) };
    case "read": {
      const { runId, stream, wanted, waitMs } = request;
      return { shape: "page", page: await runs.read(viewer, runId, stream, wanted, waitMs, signal) };
    }
    case "cancel":
      return { shape: "run", run: runs.cancel(viewer, request.runId) };
    case "runs":
      return { shape: "runs", runs: runs.list(viewer) };
  }
}
