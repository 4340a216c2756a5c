import type { Backend } from "../../../mcp/backend.ts";
import type { Tool } from "../../../mcp/tools/tool.ts";
import { CodedError } from "../../../wire/errors.ts";
import type { FleetTool, ObjectSchema } from "../tool.ts";
import { answered, wrongArguments } from "../trouble.ts";
import { backendOf, callContextOf, type Machines } from "./machines.ts";
import { dataOf, recordOf, textOf } from "./result.ts";

/** Only a tool's description is asked for. */
const NOBODY: Backend = {
  client: async () => Promise.reject(new CodedError("target_required", "no machine is named")),
  runTimeoutMs: 0,
  tokenAdvice: "",
  maxTokens: 1_000,
};

const TARGET = { type: "string", description: "Name of the machine, as fleet_targets gives it." };

function words(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}

/** The same input, with the machine in front. */
function withTarget(schema: object): ObjectSchema {
  const { properties, required, ...rest } = recordOf(schema);
  return {
    ...rest,
    type: "object",
    properties: { target: TARGET, ...recordOf(properties) },
    required: ["target", ...words(required)],
  };
}

/** A tool of a host's own MCP server, for a machine that each call names. */
export function onOne(machines: Machines, make: (backend: Backend) => Tool): FleetTool {
  const { name, title = name, description = "", inputSchema, outputSchema, annotations } = make(NOBODY).listed();
  return {
    name,
    title,
    description: `On a machine of the fleet. ${description}`,
    inputSchema: withTarget(inputSchema),
    outputSchema: { ...outputSchema, type: "object" },
    annotations: {
      readOnlyHint: annotations?.readOnlyHint ?? false,
      destructiveHint: annotations?.destructiveHint ?? true,
      idempotentHint: annotations?.idempotentHint ?? false,
      openWorldHint: annotations?.openWorldHint ?? true,
    },
    call: async (args, context) =>
      answered(async () => {
        const { target, ...rest } = recordOf(args);
        if (typeof target !== "string" || target === "")
          throw wrongArguments("target is required: the name of a machine, as fleet_targets gives it");
        const tool = make(backendOf(machines, target, context));
        const result = await tool.call(rest, callContextOf(context));
        return { text: textOf(result), data: dataOf(result), isError: result.isError === true };
      }),
  };
}
