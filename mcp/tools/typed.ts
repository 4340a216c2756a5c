import { ProtocolError, ProtocolErrorCode, type Tool as Listed } from "@modelcontextprotocol/server";
import type { OperationInfo } from "../../wire/schema.ts";
import { printable, printableLines, shortened } from "../../wire/text.ts";
import type { Backend } from "../backend.ts";
import { runOperation } from "../running.ts";
import { typedInput, type TypedInput } from "../typed/input.ts";
import { ArgumentError } from "../typed/value.ts";
import type { Tool } from "./tool.ts";

/** Some clients cut descriptions at 1,024 characters. */
const MAX_DESCRIPTION_BYTES = 800;
const MAX_TITLE_BYTES = 120;

/** So that a model is not surprised by the wait. */
const APPROVAL = {
  always: "Waits until a person has approved the call.",
  sometimes: "May wait until a person has approved the call.",
} as const;

/** What is special about an operation, one line each. */
function remarks(name: string, { id, stdin = "none", output, timeout, approval }: OperationInfo): readonly string[] {
  return [
    ...(name === id ? [] : [`Operation: ${printable(id)}.`]),
    ...(stdin === "none" ? [] : [stdin === "required" ? "Needs standard input." : "Takes standard input."]),
    ...(output === "json" ? ["Gives JSON."] : []),
    ...(timeout === undefined ? [] : [`Runs up to ${timeout} s.`]),
    ...(approval === undefined ? [] : [APPROVAL[approval]]),
  ];
}

function descriptionOf(name: string, operation: OperationInfo): string {
  const { id, description = "" } = operation;
  const own = printableLines(shortened(description, MAX_DESCRIPTION_BYTES)).trim();
  return [own === "" ? `Runs ${printable(id)} on the host.` : own, ...remarks(name, operation)].join("\n");
}

function annotationsOf({ annotations = {} }: OperationInfo): NonNullable<Listed["annotations"]> {
  const readOnly = annotations.read_only ?? false;
  return {
    readOnlyHint: readOnly,
    destructiveHint: annotations.destructive ?? !readOnly,
    idempotentHint: annotations.idempotent ?? readOnly,
    openWorldHint: annotations.open_world ?? true,
  };
}

type OutputSchema = NonNullable<Listed["outputSchema"]>;

function membersOf(schema: unknown): readonly (readonly [string, unknown])[] {
  return typeof schema === "object" && schema !== null ? Object.entries(schema) : [];
}

/** What a schema needs to be right. The rest explains or restricts, and would stand in every tool again. */
const ESSENTIAL = new Set(["type", "enum", "items"]);

/** The schema of what an operation gives: the members of the generic tool's result. Only operations that print JSON give `data`. */
function outputSchemaOf({ properties, required = [] }: OutputSchema, { output }: OperationInfo): OutputSchema {
  const members = membersOf(properties)
    .filter(([name]) => name !== "data" || output === "json")
    .map(([name, schema]) => {
      const lean = membersOf(schema).filter(([keyword]) => ESSENTIAL.has(keyword));
      return [name, Object.fromEntries(lean)] as const;
    });
  return { type: "object", properties: Object.fromEntries(members), required };
}

function titleOf({ title = "" }: OperationInfo): { readonly title?: string } {
  const shown = printable(shortened(title, MAX_TITLE_BYTES)).trim();
  return shown === "" ? {} : { title: shown };
}

function checkedCall(name: string, input: TypedInput, args: unknown) {
  try {
    // The protocol's own check has seen that it is an object.
    return input.read(args as Readonly<Record<string, unknown>>);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      `Invalid arguments for tool ${name}: ${shortened(error.message, 2_000)}`,
    );
  }
}

/** The tool of one operation. `generic` is the output schema of the tool that runs any operation. */
export function typedTool(backend: Backend, name: string, operation: OperationInfo, generic: OutputSchema): Tool {
  const input = typedInput(operation);
  const listed: Listed = {
    name,
    ...titleOf(operation),
    description: descriptionOf(name, operation),
    inputSchema: { ...input.schema },
    outputSchema: outputSchemaOf(generic, operation),
    annotations: annotationsOf(operation),
  };
  return {
    name,
    listed: () => listed,
    async call(args, context) {
      const call = checkedCall(name, input, args);
      return runOperation(backend, call, context, { output: operation.output ?? "text" });
    },
  };
}
