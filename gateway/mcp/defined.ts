import type * as z from "zod";
import { listedSchema } from "./data.ts";
import type { FleetTool, ToolAnswer, ToolContext } from "./tool.ts";
import { answered, troubleAnswer, wrongArguments } from "./trouble.ts";

type Described = Omit<FleetTool, "inputSchema" | "call">;

/** Makes a tool of its description, the schema of its input, and its answer. */
export function defined<Input extends z.ZodObject>(
  tool: Described,
  input: Input,
  answer: (args: z.output<Input>, context: ToolContext) => Promise<ToolAnswer>,
): FleetTool {
  return {
    ...tool,
    inputSchema: listedSchema(input, "input"),
    call: async (args, context) => {
      const checked = input.safeParse(args);
      if (checked.success) return answered(async () => answer(checked.data, context));
      const issues = checked.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
      return troubleAnswer(wrongArguments(`invalid arguments: ${issues.join("; ")}`));
    },
  };
}
