import * as z from "zod";
import { quoted } from "../../wire/text.ts";
import type { Backend } from "../backend.ts";
import { ordered, renderDescribe } from "../render.ts";
import { troubleOf, withTokenAdvice } from "../trouble.ts";
import { operation as operationSchema } from "./operation.ts";
import { errorResult, operationIdMissing, result, TROUBLE_FIELDS, troubleData } from "./result.ts";
import { defineTool, type Tool } from "./tool.ts";

/** Tells everything about one operation. Nothing is run. */
export function describeTool(backend: Backend): Tool {
  return defineTool({
    name: "cmd2host_describe_operation",
    title: "Describe a host operation",
    description: "Tells what one operation accepts: every parameter with its rules, and the flags that may be added.",
    input: z.strictObject({
      operation_id: z.string().describe("Id of the operation, as cmd2host_list_operations gives it."),
    }),
    output: z.object({
      operation: operationSchema.optional().describe("The operation. Absent when it could not be had."),
      ...TROUBLE_FIELDS,
    }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async answer({ operation_id: id }, { signal }) {
      if (id === "") return operationIdMissing();
      try {
        const client = await backend.client();
        const { error = "", code, hint, operation } = await client.describe(id, { signal });
        if (error !== "") {
          const trouble = withTokenAdvice({ reason: error, code, hint }, backend.tokenAdvice);
          return errorResult("describing operation: daemon error", trouble);
        }
        if (operation === undefined || operation === null) {
          return result(
            `Operation not found: ${id}`,
            troubleData({ reason: `operation not found: ${quoted(id)}` }),
            true,
          );
        }
        return result(renderDescribe(operation), { operation: ordered(operation) });
      } catch (error) {
        return errorResult("describing operation", troubleOf(error));
      }
    },
  });
}
