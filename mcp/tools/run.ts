import * as z from "zod";
import type { Backend } from "../backend.ts";
import { RUN_OUTPUT } from "../run-result.ts";
import { runOperation } from "../running.ts";
import { operationIdMissing } from "./result.ts";
import { defineTool, type Tool } from "./tool.ts";

const INPUT = z.strictObject({
  operation_id: z.string().describe("Id of the operation, as cmd2host_list_operations gives it."),
  params: z.looseObject({}).optional().describe("Values by parameter name, of the types that the operation declares."),
  flags: z
    .array(z.string())
    .nullable()
    .optional()
    .describe("Extra flags out of the operation's allowed flags, for example --limit=5."),
  target_repo: z
    .string()
    .optional()
    .describe("owner/name of the repository to act on; needed when the project has several."),
  timeout_seconds: z.int().min(1).optional().describe("A shorter time limit than the operation's own, in seconds."),
  stdin: z.string().optional().describe("Text for standard input, when the operation reads it."),
  background: z
    .boolean()
    .optional()
    .describe("True to return at once with a run_id while the program goes on: for what takes minutes."),
});

/** Runs one operation. An aborted call ends the program. */
export function runTool(backend: Backend): Tool {
  return defineTool({
    name: "cmd2host_run_operation",
    title: "Run a host operation",
    description:
      "Runs one operation on the host and gives its exit code, stdout and stderr. Long output is shown in part; the result then says how to read the rest.",
    input: INPUT,
    output: RUN_OUTPUT,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    async answer(args, context) {
      const { operation_id: operation, params, flags, target_repo: targetRepo, timeout_seconds, ...rest } = args;
      if (operation === "") return operationIdMissing({ outcome: "denied" });
      const call = { operation, params, flags: flags ?? undefined, targetRepo, timeoutSeconds: timeout_seconds };
      return runOperation(backend, { ...call, ...rest }, context, { output: "text" });
    },
  });
}
