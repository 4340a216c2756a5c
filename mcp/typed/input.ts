import type { OperationInfo } from "../../wire/schema.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import type { OperationCall } from "../running.ts";
import { flagsKind } from "./flags.ts";
import { freeName, memberNames } from "./names.ts";
import { ArgumentError, expected, valueKind, type JsonSchema, type ValueKind } from "./value.ts";

/** The input of an operation's tool: its schema, and the way from arguments to a call. */

/** Where a member's value goes: to a parameter of the operation, or to a field of the call. */
type Destination =
  | { readonly kind: "param"; readonly param: string }
  | { readonly kind: "field"; readonly field: Exclude<keyof OperationCall, "operation" | "params"> };

interface Member {
  readonly name: string;
  readonly to: Destination;
  readonly required: boolean;
  readonly value: ValueKind;
}

function text(description: string): ValueKind {
  return {
    schema: { type: "string", description },
    read(value) {
      if (typeof value !== "string") throw expected("string", value);
      return value;
    },
  };
}

/** The descriptions of our own members stand in every tool; the server's instructions say more. */
const BACKGROUND: ValueKind = {
  schema: { type: "boolean", description: "Return at once, with a run_id." },
  read(value) {
    if (value === "true" || value === "false") return value === "true";
    if (typeof value !== "boolean") throw expected("boolean", value);
    return value;
  },
};

const TARGET = text("owner/name, if the project has several.");
const STDIN = text("Standard input of the program.");

/** The daemon fills these in itself; whether they are given changes nothing. */
const FILLED_IN = new Set(["repo", "repo_path", "expected_git_url"]);

function paramMembers({ params = {} }: OperationInfo): readonly Member[] {
  const rules = new Map(Object.entries(params));
  return [...memberNames(rules.keys())].map(([param, name]): Member => {
    const rule = rules.get(param) ?? {};
    const required = rule.optional !== true && !FILLED_IN.has(param);
    return { name, to: { kind: "param", param }, required, value: valueKind(rule) };
  });
}

function ownMembers(operation: OperationInfo, taken: ReadonlySet<string>): readonly Member[] {
  const { stdin = "none" } = operation;
  const timeout = valueKind({ type: "integer", min: 1 });
  const flags = flagsKind(operation);
  const own: readonly (readonly [string, Member["to"], ValueKind | undefined, boolean?])[] = [
    ["flags", { kind: "field", field: "flags" }, flags],
    ["stdin", { kind: "field", field: "stdin" }, stdin === "none" ? undefined : STDIN, stdin === "required"],
    ["target_repo", { kind: "field", field: "targetRepo" }, TARGET],
    ["timeout_seconds", { kind: "field", field: "timeoutSeconds" }, timeout],
    ["background", { kind: "field", field: "background" }, BACKGROUND],
  ];
  return own.flatMap(([name, to, value, required = false]) =>
    value === undefined ? [] : [{ name: freeName(name, taken), to, required, value }],
  );
}

export interface TypedInput {
  readonly schema: JsonSchema & { readonly type: "object" };
  /** @throws ArgumentError that names every member that is wrong and says what is expected */
  read(args: Readonly<Record<string, unknown>>): OperationCall;
}

function schemaOf(members: readonly Member[]): TypedInput["schema"] {
  const required = members.filter((member) => member.required).map(({ name }) => name);
  return {
    type: "object",
    properties: Object.fromEntries(members.map(({ name, value }) => [name, value.schema])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** One of the values that were given, and where it goes. */
interface Read {
  readonly to: Destination;
  readonly value: unknown;
}

function readMember(member: Member, given: unknown): readonly Read[] {
  // Models fill what they leave out with null.
  if (given === undefined || given === null) {
    if (member.required) throw new ArgumentError("is required");
    return [];
  }
  return [{ to: member.to, value: member.value.read(given) }];
}

/** What `work` gives; what it says is wrong is noted under a name. */
function noting<T>(wrong: string[], name: string, work: () => readonly T[]): readonly T[] {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    wrong.push(`${name}: ${error.message}`);
    return [];
  }
}

function unknownNames(members: readonly Member[], given: ReadonlyMap<string, unknown>): readonly string[] {
  const known = new Set(members.map(({ name }) => name));
  return [...given.keys()].filter((name) => !known.has(name)).map((name) => quoted(shortened(name, 60)));
}

function callOf(id: string, values: readonly Read[]): OperationCall {
  const params = values.flatMap(({ to, value }) => (to.kind === "param" ? [[to.param, value] as const] : []));
  const fields = values.flatMap(({ to, value }) => (to.kind === "field" ? [[to.field, value] as const] : []));
  // Every field was read by a kind that gives values of the field's type.
  return {
    operation: id,
    params: Object.fromEntries(params),
    ...(Object.fromEntries(fields) as Partial<OperationCall>),
  };
}

/** What the tool of an operation takes. A parameter that has the name of one of our own members keeps it, and ours gets `_` in front. */
export function typedInput(operation: OperationInfo): TypedInput {
  const params = paramMembers(operation);
  const members = [...params, ...ownMembers(operation, new Set(params.map(({ name }) => name)))];
  return {
    schema: schemaOf(members),
    read(args) {
      const given = new Map(Object.entries(args));
      const wrong: string[] = [];
      const values = members.flatMap((member) =>
        noting(wrong, printable(member.name), () => readMember(member, given.get(member.name))),
      );
      const unknown = unknownNames(members, given);
      if (unknown.length > 0)
        wrong.push(`unknown ${unknown.join(", ")}; the members are ${members.map(({ name }) => name).join(", ")}`);
      if (wrong.length > 0) throw new ArgumentError(wrong.join("; "));
      return callOf(operation.id, values);
    },
  };
}
