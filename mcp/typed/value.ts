import type { FlagInfo, Param } from "../../wire/schema.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { jsonSchemaPattern } from "./pattern.ts";

/** One value of a call: what its schema says, and how a value that a model gave becomes one that the daemon takes. */

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What is wrong with an argument, as it continues "NAME: …". */
export class ArgumentError extends Error {}

export interface ValueKind {
  readonly schema: JsonSchema;
  /** @throws ArgumentError for what the daemon would refuse because of its type; rules of other kinds may be left to it */
  read(value: unknown): unknown;
}

/** The rules of a value, of a parameter or of a flag. */
export type Rules = Param | FlagInfo;

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

export function expected(what: string, value: unknown): ArgumentError {
  const shown =
    typeof value === "string" || typeof value === "number" ? `, ${quoted(shortened(String(value), 60))}` : "";
  return new ArgumentError(`expected ${what}, got ${typeOf(value)}${shown}`);
}

function present(members: Readonly<Record<string, unknown>>): JsonSchema {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** What a type means that JSON Schema has no word for. */
const TYPE_NOTES: ReadonlyMap<string, string> = new Map([
  ["path", "A path inside the workspace, relative to it."],
  ["paths", "Paths inside the workspace, relative to it."],
  ["git_ref", "A git ref or a whole object id."],
  ["git_branch", "The short name of a branch."],
  ["owner_repo", "owner/name of a repository."],
]);

function listed(texts: readonly string[] = []): string | undefined {
  return texts.length === 0 ? undefined : texts.map(printable).join(", ");
}

function typeNote(rules: Rules): string | undefined {
  const { type = "string" } = rules;
  if (type === "url") {
    const hosts = listed(rules.hosts);
    return `A URL: ${listed(rules.schemes) ?? "https"}${hosts === undefined ? "" : ` on ${hosts}`}.`;
  }
  if (type !== "workspace_path") return TYPE_NOTES.get(type);
  const isInput = "direction" in rules && rules.direction === "input";
  return `The file inside the workspace that the program ${isInput ? "reads" : "writes"}.`;
}

/** Most bytes of a description out of a configuration. */
const MAX_DESCRIPTION_BYTES = 500;

function describe(rules: Rules, notes: readonly (string | undefined)[]): string | undefined {
  const own = printable(shortened(rules.description ?? "", MAX_DESCRIPTION_BYTES)).trim();
  const parts = [own === "" ? undefined : own, ...notes].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(" ");
}

// --- text ---

function enumOf(rules: Rules): readonly string[] | undefined {
  const choices = [...new Set(rules.enum ?? [])];
  return choices.length === 0 ? undefined : choices;
}

/** Lengths are bytes, and JSON Schema counts characters: what it may say is what no accepted text breaks. */
function lengths(rules: Rules): { readonly schema: JsonSchema; readonly note: string | undefined } {
  const { minLength = 0, maxLength = 0 } = "takes" in rules ? {} : rules;
  return {
    schema: present({
      minLength: minLength > 0 ? Math.ceil(minLength / 4) : undefined,
      maxLength: maxLength > 0 ? maxLength : undefined,
    }),
    note: minLength > 1 ? `At least ${minLength} bytes.` : undefined,
  };
}

/** The members of the schema of one text, and what they cannot say. */
function textRules(rules: Rules): { readonly schema: JsonSchema; readonly notes: readonly (string | undefined)[] } {
  const { pattern: re2 = "" } = rules;
  const pattern = re2 === "" ? undefined : jsonSchemaPattern(re2);
  const length = lengths(rules);
  return {
    schema: { type: "string", ...present({ enum: enumOf(rules), pattern }), ...length.schema },
    notes: [length.note, re2 !== "" && pattern === undefined ? `RE2 pattern: ${printable(re2)}` : undefined],
  };
}

/** Models write 7 for "7"; nothing is lost by it. */
function textIn(value: unknown, choices: readonly string[] | undefined): string {
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== "string") throw expected("string", value);
  if (choices?.includes(text) === false) throw expected(`one of ${listed(choices) ?? ""}`, value);
  return text;
}

function textKind(rules: Rules): ValueKind {
  const { schema, notes } = textRules(rules);
  const choices = enumOf(rules);
  const description = describe(rules, [typeNote(rules), ...notes]);
  return { schema: { ...schema, ...present({ description }) }, read: (value) => textIn(value, choices) };
}

function textsKind(rules: Rules): ValueKind {
  const { schema, notes } = textRules(rules);
  const choices = enumOf(rules);
  const description = describe(rules, [typeNote(rules), ...notes]);
  return {
    schema: { type: "array", items: schema, ...present({ description }) },
    read(value) {
      if (!Array.isArray(value)) throw expected("array of strings", value);
      return value.map((element: unknown, index) => {
        try {
          return textIn(element, choices);
        } catch (error) {
          throw error instanceof ArgumentError ? new ArgumentError(`element ${index}: ${error.message}`) : error;
        }
      });
    },
  };
}

// --- numbers ---

/** The number that a text stands for, when nothing is lost. */
function numberIn(value: unknown, form: RegExp): unknown {
  if (typeof value !== "string" || !form.test(value)) return value;
  const number = Number(value);
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : value;
}

/** A number as the daemon writes it: in full, without a power of ten. Large ones, which it refuses, are left alone. */
export function decimal(number: number): string {
  const [, sign, whole, fraction = "", power] = /^(-?)([0-9])(?:\.([0-9]+))?e-([0-9]+)$/.exec(String(number)) ?? [];
  if (sign === undefined || whole === undefined || power === undefined) return String(number);
  return `${sign}0.${"0".repeat(Number(power) - 1)}${whole}${fraction}`;
}

const INTEGER = /^[+-]?[0-9]{1,16}$/;
const NUMBER = /^[+-]?[0-9]{1,16}(?:\.[0-9]{1,15})?$/;

/** A negative number is refused as if it were an option, unless the rules expect one. */
function leastNumber({ min, type, allow_leading_dash: dash }: Rules): number | undefined {
  return min === undefined && type === "number" && dash !== true ? 0 : min;
}

/** The enum of a number, which the daemon compares as text: what is not written as it writes it can never match. */
function numbersOf(rules: Rules, form: RegExp): readonly number[] | undefined {
  const numbers = (rules.enum ?? []).flatMap((text) => {
    const number = numberIn(text, form);
    return typeof number === "number" && decimal(number) === text ? [number] : [];
  });
  return numbers.length === 0 ? undefined : [...new Set(numbers)];
}

function numberKind(type: "integer" | "number", rules: Rules): ValueKind {
  const form = type === "integer" ? INTEGER : NUMBER;
  const least = leastNumber(rules);
  const { max, pattern = "" } = rules;
  const choices = numbersOf(rules, form);
  const schema = {
    type,
    ...present({ minimum: least, maximum: max, enum: choices }),
    ...present({ description: describe(rules, [pattern === "" ? undefined : `RE2 pattern: ${printable(pattern)}`]) }),
  };
  return {
    schema,
    read(value) {
      const number = numberIn(value, form);
      if (typeof number !== "number" || (type === "integer" && !Number.isSafeInteger(number)))
        throw expected(type, value);
      if (least !== undefined && number < least) throw expected(`${type} of at least ${least}`, value);
      if (max !== undefined && number > max) throw expected(`${type} of at most ${max}`, value);
      if (choices?.includes(number) === false) throw expected(`one of ${choices.join(", ")}`, value);
      return number;
    },
  };
}

/** The kind of a parameter's value. Types that are not known here are left to the daemon. */
export function valueKind(rules: Rules): ValueKind {
  const { type = "string" } = rules;
  switch (type) {
    case "integer":
    case "number":
      return numberKind(type, rules);
    case "array":
    case "paths":
      return textsKind(rules);
    case "string":
    case "enum":
    case "path":
    case "workspace_path":
    case "git_ref":
    case "git_branch":
    case "url":
    case "owner_repo":
      return textKind(rules);
    default:
      return {
        schema: present({ description: describe(rules, [`Type: ${printable(type)}.`]) }),
        read: (value) => value,
      };
  }
}
