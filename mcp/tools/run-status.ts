import * as z from "zod";
import type { DaemonCalls } from "../../wire/daemon-calls.ts";
import type { RunReply } from "../../wire/schema.ts";
import type { Backend } from "../backend.ts";
import type { CallContext } from "../context.ts";
import { timeoutFor } from "../page.ts";
import { startProgress, type Progress } from "../progress.ts";
import { STATUS_TOOL } from "../reading.ts";
import { troubleOf } from "../trouble.ts";
import { aboutRun, RUN_ID, RUN_INFO, WAIT_SECONDS } from "./about-run.ts";
import { errorResult } from "./result.ts";
import { defineTool, type Tool } from "./tool.ts";

/** A client that wants to see progress gets the last line this often. */
const SLICE_SECONDS = 5;

async function waited(
  client: DaemonCalls,
  runId: string,
  waitSeconds: number,
  { signal, progress }: CallContext,
  telling: Progress,
): Promise<RunReply> {
  for (let left = waitSeconds; ; left -= SLICE_SECONDS) {
    const wait = progress === undefined ? left : Math.min(left, SLICE_SECONDS);
    const reply = await client.status(runId, wait, { signal, timeoutMs: timeoutFor(wait) });
    if (wait === left || reply.run?.state !== "running") return reply;
    const line = reply.run.last_line ?? "";
    telling.say(() => line);
  }
}

/** Tells how a run is, at once or when it has ended. */
export function runStatusTool(backend: Backend): Tool {
  return defineTool({
    name: STATUS_TOOL,
    title: "See how a run is",
    description:
      "Tells whether a run goes on, its exit code, how long it took, how much it printed, and its last line. With wait_seconds it returns as soon as the run has ended.",
    input: z.strictObject({ run_id: RUN_ID, wait_seconds: WAIT_SECONDS }),
    output: RUN_INFO,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async answer({ run_id: runId, wait_seconds: waitSeconds = 0 }, context) {
      const telling = startProgress(context.progress);
      try {
        const reply = await waited(await backend.client(), runId, waitSeconds, context, telling);
        return aboutRun(reply, "getting the status", backend);
      } catch (error) {
        return errorResult("getting the status", troubleOf(error));
      } finally {
        telling.stop();
      }
    },
  });
}
