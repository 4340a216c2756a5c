import * as z from "zod";

const params = z
  .record(z.string(), z.looseObject({ type: z.string().optional(), optional: z.boolean().optional() }))
  .describe("Parameters by name: type, whether optional, and the rules for the value.");

/** One operation, as list and describe give it. Members that a newer daemon adds are passed on. */
export const operation = z.looseObject({
  id: z.string().describe("Name to pass as operation_id."),
  command: z.string().optional().describe("The program on the host."),
  description: z.string().optional().describe("What the operation does."),
  params: params.optional(),
  allowed_flags: z.array(z.string()).optional().describe("Flags that may be added."),
  flag_rules: z
    .array(z.looseObject({ flag: z.string(), takes: z.enum(["none", "one", "several"]) }))
    .optional()
    .describe("What each flag accepts, when the daemon says it."),
});
