import { printable, printableLines, shortened } from "../../../wire/text.ts";
import type { OperationInfo } from "../../../wire/schema.ts";
import { freeName, toolNames } from "../../../mcp/typed/names.ts";
import { typedInput, type TypedInput } from "../../../mcp/typed/input.ts";
import { ArgumentError } from "../../../mcp/typed/value.ts";
import type { TargetState } from "../../target.ts";
import type { FleetTool, ObjectSchema } from "../tool.ts";
import { answered, wrongArguments } from "../trouble.ts";
import { CHOICE_ABOUT, chosen, MAX_MACHINES, wordsFor } from "./choice.ts";
import type { Machines } from "./machines.ts";
import { AT_ONCE, MANY_SCHEMA, onMany } from "./on-many.ts";
import { recordOf } from "./result.ts";

/** What machines say of themselves is kept short: whoever holds one of them writes it. */
const MAX_DESCRIPTION_BYTES = 400;
const MAX_TITLE_BYTES = 120;
/** Most words that are listed for a choice; more would stand in every tool again. */
const MAX_WORDS = 40;

/** An operation that machines declare alike. */
interface Declared {
  readonly operation: OperationInfo;
  readonly targets: readonly TargetState[];
}

/** Operations by what is declared; of one name the declaration of most machines first. */
function declared(
  operations: ReadonlyMap<string, readonly OperationInfo[]>,
  targets: readonly TargetState[],
): readonly Declared[] {
  const found = new Map<string, { readonly operation: OperationInfo; readonly targets: TargetState[] }>();
  for (const target of targets)
    for (const operation of operations.get(target.name) ?? []) {
      const key = JSON.stringify(operation);
      const same = found.get(key);
      if (same === undefined) found.set(key, { operation, targets: [target] });
      else same.targets.push(target);
    }
  const order = (a: Declared, b: Declared): number =>
    a.operation.id === b.operation.id ? b.targets.length - a.targets.length : a.operation.id < b.operation.id ? -1 : 1;
  return [...found.values()].sort(order);
}

/** The name that the first declaration of an id gets is the id; others are told apart by the first machine that has them. */
function originals(all: readonly Declared[]): ReadonlyMap<string, Declared> {
  const named = new Map<string, Declared>();
  for (const one of all) {
    const { id } = one.operation;
    const [first] = one.targets;
    const name = named.has(id) ? `${id}@${first?.name ?? ""}` : id;
    if (!named.has(name)) named.set(name, one);
  }
  return named;
}

function descriptionOf({ operation, targets }: Declared): string {
  const { id, description = "" } = operation;
  const own = printableLines(shortened(description, MAX_DESCRIPTION_BYTES)).trim();
  const names = targets.map(({ name }) => printable(name));
  const on = names.length > 8 ? `${names.length} machines` : names.join(", ");
  return `Runs ${printable(id)} on machines of the fleet (${on}).${own === "" ? "" : `\nTheir owner says of it: ${own}`}`;
}

function choiceSchema(targets: readonly TargetState[]): object {
  const words = wordsFor(targets);
  return {
    type: "array",
    items: words.length > MAX_WORDS ? { type: "string" } : { type: "string", enum: words },
    minItems: 1,
    maxItems: MAX_MACHINES,
    description: CHOICE_ABOUT,
  };
}

/** What was given for the machines; a model may give one without a list. */
function wordsOf(given: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const words = list.filter((word) => typeof word === "string");
  if (words.length === 0 || words.length !== list.length)
    throw wrongArguments("targets must be a list of names of machines, or of tag:NAME");
  return words;
}

function read(input: TypedInput, args: Readonly<Record<string, unknown>>) {
  try {
    return input.read(args);
  } catch (error) {
    if (error instanceof ArgumentError) throw wrongArguments(shortened(error.message, 2_000));
    throw error;
  }
}

function typedTool(machines: Machines, name: string, one: Declared): FleetTool {
  const { operation, targets } = one;
  const input = typedInput(operation);
  const {
    properties = {},
    required = [],
    ...rest
  } = input.schema as ObjectSchema & {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly required?: readonly string[];
  };
  const member = freeName("targets", new Set(Object.keys(properties)));
  const { annotations = {} } = operation;
  const readOnly = annotations.read_only ?? false;
  return {
    name,
    title: printable(shortened(operation.title ?? operation.id, MAX_TITLE_BYTES)),
    description: descriptionOf(one),
    inputSchema: {
      ...rest,
      type: "object",
      properties: { [member]: choiceSchema(targets), ...properties },
      required: [member, ...required],
    },
    outputSchema: MANY_SCHEMA,
    annotations: {
      readOnlyHint: readOnly,
      destructiveHint: annotations.destructive ?? !readOnly,
      idempotentHint: annotations.idempotent ?? readOnly,
      openWorldHint: annotations.open_world ?? true,
    },
    call: async (args, context) =>
      answered(async () => {
        const { [member]: machine, ...values } = recordOf(args);
        const names = chosen(wordsOf(machine), targets);
        return onMany(machines, names, read(input, values), context, { atOnce: AT_ONCE, failFast: false });
      }),
  };
}

/** One tool per operation that machines declare; a declaration that differs gets a tool of its own, for its machines. */
export function typedTools(
  machines: Machines,
  operations: ReadonlyMap<string, readonly OperationInfo[]>,
  targets: readonly TargetState[],
): readonly FleetTool[] {
  const named = originals(declared(operations, targets));
  return [...toolNames(named.keys())].flatMap(([original, name]) => {
    const one = named.get(original);
    return one === undefined ? [] : [typedTool(machines, name, one)];
  });
}
