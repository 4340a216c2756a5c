import {
  ProtocolError,
  ProtocolErrorCode,
  type CallToolResult,
  type Tool as Listed,
} from "@modelcontextprotocol/server";
import type * as z from "zod";
import type { CallContext } from "../context.ts";

/** A tool as the server holds it: what is listed, and what is called. */
export interface Tool {
  readonly name: string;
  /** The entry of tools/list. */
  listed(): Listed;
  /** Checks the arguments, then answers. Throws the protocol's "invalid params" error when they break the schema. */
  call(args: unknown, context: CallContext): Promise<CallToolResult>;
}

interface Definition<Input extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: z.ZodObject;
  readonly annotations: NonNullable<Listed["annotations"]>;
  answer(input: z.output<Input>, context: CallContext): Promise<CallToolResult>;
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`;
}

/** The dialect of JSON Schema that MCP uses when a schema names none. */
const DRAFT = { target: "draft-2020-12" } as const;

/** Makes a tool of its description, its schemas and its answer. */
export function defineTool<Input extends z.ZodObject>(definition: Definition<Input>): Tool {
  const { name, title, description, input, output, annotations } = definition;
  return {
    name,
    listed: () => ({
      name,
      title,
      description,
      inputSchema: { ...input["~standard"].jsonSchema.input(DRAFT), type: "object" },
      outputSchema: { ...output["~standard"].jsonSchema.output(DRAFT), type: "object" },
      annotations,
    }),
    async call(args, context) {
      const checked = input.safeParse(args);
      if (checked.success) return definition.answer(checked.data, context);
      const issues = checked.error.issues.map(issueText).join("; ");
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Invalid arguments for tool ${name}: ${issues}`);
    },
  };
}
