import * as z from "zod";
import type { Backend } from "../backend.ts";
import { CANCEL_TOOL } from "../reading.ts";
import { troubleOf } from "../trouble.ts";
import { aboutRun, RUN_ID, RUN_INFO } from "./about-run.ts";
import { errorResult } from "./result.ts";
import { defineTool, type Tool } from "./tool.ts";

/** Ends a run; one that has ended already is left as it is. */
export function cancelRunTool(backend: Backend): Tool {
  return defineTool({
    name: CANCEL_TOOL,
    title: "Cancel a run",
    description: "Ends the program of a run, with everything it started. What it printed until then stays readable.",
    input: z.strictObject({ run_id: RUN_ID }),
    output: RUN_INFO,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    async answer({ run_id: runId }, { signal }) {
      try {
        const client = await backend.client();
        return aboutRun(await client.cancel(runId, { signal }), "cancelling the run", backend);
      } catch (error) {
        return errorResult("cancelling the run", troubleOf(error));
      }
    },
  });
}
