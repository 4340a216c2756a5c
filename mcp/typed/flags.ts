import type { FlagInfo, OperationInfo } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { memberNames } from "./names.ts";
import { ArgumentError, decimal, expected, valueKind, type JsonSchema } from "./value.ts";

/** The flags of a call: an object with one member per allowed flag, and the arguments that it stands for. */

/** One flag that may be added. */
interface FlagMember {
  readonly schema: JsonSchema;
  /** @throws ArgumentError */
  toArguments(value: unknown): readonly string[];
}

function textOf(value: unknown): string {
  return typeof value === "number" ? decimal(value) : String(value);
}

/** Several values stand behind their flag; one that begins with a dash is tied to it, for it would be a flag of its own. */
function several(flag: string, texts: readonly string[]): readonly string[] {
  const [tied] = texts.filter((text) => text.startsWith("-"));
  if (texts.length === 0) return [];
  return tied === undefined ? [flag, ...texts] : [`${flag}=${tied}`];
}

function booleanOf(value: unknown): boolean | undefined {
  if (value === "true" || value === "false") return value === "true";
  return typeof value === "boolean" ? value : undefined;
}

function switchMember({ flag, description }: FlagInfo): FlagMember {
  const text = printable(description ?? "").trim();
  return {
    schema: { type: "boolean", ...(text === "" ? {} : { description: text }) },
    toArguments(value) {
      const given = booleanOf(value);
      if (given === undefined) throw expected("boolean", value);
      return given ? [flag] : [];
    },
  };
}

/** The schema of an array of what `schema` describes. */
function arrayOf({ description, ...items }: JsonSchema): JsonSchema {
  return { type: "array", items, ...(description === undefined ? {} : { description }) };
}

const RULES = ["type", "pattern", "min", "max", "enum", "schemes", "hosts", "allow_leading_dash"] as const;

/** Whether there are rules for the value. The daemon lets a flag without any stand alone and several times. */
function hasRules(info: FlagInfo): boolean {
  return RULES.some((name) => info[name] !== undefined);
}

function valueMember(info: FlagInfo): FlagMember {
  const { flag, takes, repeat } = info;
  const kind = valueKind(info);
  const isList = takes === "several" || repeat === true;
  const texts = (value: unknown): readonly string[] => {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.length > 1 && !isList && hasRules(info)) throw expected("one value", value);
    return values.map((one) => textOf(kind.read(one)));
  };
  return {
    schema: isList ? arrayOf(kind.schema) : kind.schema,
    toArguments(value) {
      if (value === false) return [];
      if (value === true && !hasRules(info)) return [flag];
      return takes === "several" ? several(flag, texts(value)) : texts(value).map((text) => `${flag}=${text}`);
    },
  };
}

/** A flag of which the daemon says nothing but its name. */
function unknownMember(flag: string): FlagMember {
  const kind = valueKind({});
  return {
    schema: {
      type: ["boolean", "string", "array"],
      items: { type: "string" },
      description: "true, or what it takes: text, or several texts.",
    },
    toArguments(value) {
      const given = booleanOf(value);
      if (given !== undefined) return given ? [flag] : [];
      const values: readonly unknown[] = Array.isArray(value) ? value : [value];
      const texts = values.map((one) => textOf(kind.read(one)));
      return texts.length === 1 ? texts.map((text) => `${flag}=${text}`) : several(flag, texts);
    },
  };
}

function memberOf(flag: string, info: FlagInfo | undefined): FlagMember {
  if (info === undefined) return unknownMember(flag);
  return info.takes === "none" ? switchMember(info) : valueMember(info);
}

export interface FlagsKind {
  readonly schema: JsonSchema;
  /** The arguments of the daemon's request, in the order given. @throws ArgumentError for the members that are wrong */
  read(value: unknown): readonly string[];
}

interface NamedMember extends FlagMember {
  readonly name: string;
  readonly flag: string;
}

/** The member that a model means: by its name, or by the flag without its dashes. */
function meant(members: readonly NamedMember[], name: string): NamedMember | undefined {
  return [name, `--${name}`, `-${name}`]
    .map((form) => members.find((member) => member.name === form || member.flag === form))
    .find((member) => member !== undefined);
}

function argumentsOf(members: readonly NamedMember[], value: object): readonly string[] {
  const wrong: string[] = [];
  const words = Object.entries(value).flatMap(([name, given]: [string, unknown]) => {
    const member = meant(members, name);
    if (member === undefined) {
      wrong.push(`${printable(name)}: is none of ${members.map((one) => one.name).join(", ")}`);
      return [];
    }
    if (given === null) return [];
    try {
      return member.toArguments(given);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      wrong.push(`${member.name}: ${error.message}`);
      return [];
    }
  });
  if (wrong.length > 0) throw new ArgumentError(wrong.join("; "));
  return words;
}

/** What `flags` of a call may be; undefined when the operation takes none. */
export function flagsKind({ allowed_flags: flags = [], flag_rules: rules = [] }: OperationInfo): FlagsKind | undefined {
  if (flags.length === 0) return undefined;
  const infos = new Map(rules.map((info) => [info.flag, info]));
  const members = [...memberNames(flags)].map(([flag, name]): NamedMember => {
    const member = memberOf(flag, infos.get(flag));
    const { description = "" } = member.schema;
    const described = { ...member.schema, description: `${printable(flag)} ${String(description)}`.trim() };
    return { ...member, name, flag, schema: name === flag ? member.schema : described };
  });
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(members.map(({ name, schema }) => [name, schema])),
      additionalProperties: false,
    },
    read(value) {
      // The form that the generic tool takes: the daemon judges it.
      if (Array.isArray(value) && value.every((word) => typeof word === "string")) return value;
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw expected("object", value);
      return argumentsOf(members, value);
    },
  };
}
