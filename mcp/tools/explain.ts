import * as z from "zod";
import { STEPS, VERDICTS } from "../../wire/names.ts";
import type { ArgvRequest, RunRequest } from "../../wire/daemon-calls.ts";
import type { Backend } from "../backend.ts";
import { explanationData, renderExplanation } from "../explanation.ts";
import { troubleOf, withTokenAdvice } from "../trouble.ts";
import { errorResult, result, TROUBLE_FIELDS } from "./result.ts";
import { defineTool, type Tool } from "./tool.ts";

const INPUT = z.strictObject({
  operation_id: z.string().optional().describe("Id of the operation. Either this or argv."),
  argv: z.array(z.string()).optional().describe("A command line, a word each: gh, pr, view, 42."),
  params: z.looseObject({}).optional().describe("Values by parameter name, with operation_id."),
  flags: z.array(z.string()).optional().describe("Flags of the operation, with operation_id."),
  target_repo: z.string().optional().describe("owner/name, when the project has several repositories."),
});

const OUTPUT = z.object({
  verdict: z
    .enum(VERDICTS)
    .optional()
    .describe(
      "allow: it would run. ask: when a person allows it. deny: policy says no. fail: it could not be started.",
    ),
  operation: z.string().optional(),
  argv: z.array(z.string()).optional().describe("What would run; {NAME} stands for what the host puts in."),
  stopped_at: z.enum(STEPS).optional().describe("The step that said no."),
  why_asked: z.string().optional().describe("Why a person would be asked."),
  near: z
    .array(z.object({ operation: z.string(), why: z.string(), form: z.string() }))
    .optional()
    .describe("Operations that the command line comes close to."),
  ...TROUBLE_FIELDS,
});

/** Undefined when it is not clear what is meant. */
function asked({ operation_id: operation = "", argv = [], ...rest }: z.output<typeof INPUT>) {
  const { params, flags, target_repo: targetRepo } = rest;
  if ((operation === "") === (argv.length === 0)) return undefined;
  const request: RunRequest | ArgvRequest =
    operation === "" ? { argv, targetRepo } : { operation, params, flags, targetRepo };
  return request;
}

/** Tells what would become of a call. Nothing is run. */
export function explainTool(backend: Backend): Tool {
  return defineTool({
    name: "cmd2host_explain_operation",
    title: "Explain a call without running it",
    description:
      "Dry run: tells whether a call would run, be asked of a person, or be denied, why, and what would be allowed nearby. Runs nothing.",
    input: INPUT,
    output: OUTPUT,
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    async answer(args, { signal }) {
      const request = asked(args);
      if (request === undefined) {
        const reason = "give either operation_id or argv";
        return result(`Error: ${reason}`, { reason }, true);
      }
      try {
        const client = await backend.client();
        const { explanation, error, code, hint } = await client.explain(request, { signal });
        if (explanation === undefined || explanation === null) {
          const trouble = { reason: error ?? "the daemon explains nothing", code, hint };
          return errorResult("explaining the call: daemon error", withTokenAdvice(trouble, backend.tokenAdvice));
        }
        return result(
          renderExplanation(explanation, backend.maxTokens),
          OUTPUT.parse(explanationData(explanation, backend.maxTokens)),
        );
      } catch (error) {
        return errorResult("explaining the call", troubleOf(error));
      }
    },
  });
}
