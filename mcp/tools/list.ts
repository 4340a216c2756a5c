import * as z from "zod";
import type { Backend } from "../backend.ts";
import { ordered, renderList } from "../render.ts";
import { troubleOf, withTokenAdvice } from "../trouble.ts";
import { operation } from "./operation.ts";
import { errorResult, result, TROUBLE_FIELDS } from "./result.ts";
import { defineTool, type Tool } from "./tool.ts";

/** Lists what this session may run. Nothing is run. */
export function listTool(backend: Backend): Tool {
  return defineTool({
    name: "cmd2host_list_operations",
    title: "List host operations",
    description:
      "Lists the operations that this session may run on the host, with their ids, descriptions and parameters. Call this first.",
    input: z.strictObject({
      prefix: z.string().optional().describe("Only operations whose id begins with this text. Default: all."),
    }),
    output: z.object({
      operations: z
        .array(operation)
        .optional()
        .describe("The operations, in the project's order. Absent when the list could not be had."),
      ...TROUBLE_FIELDS,
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async answer({ prefix = "" }, { signal }) {
      try {
        const client = await backend.client();
        const { error = "", code, hint, operations } = await client.list(prefix, { signal });
        if (error !== "") {
          const trouble = withTokenAdvice({ reason: error, code, hint }, backend.tokenAdvice);
          return errorResult("listing operations: daemon error", trouble);
        }
        const known = (operations ?? []).map(ordered);
        return result(renderList(known), { operations: known });
      } catch (error) {
        return errorResult("listing operations", troubleOf(error));
      }
    },
  });
}
