import { byteLength, quoted, shortened } from "../../../wire/text.ts";
import type { ValueRule } from "../../project/types.ts";
import { readsHostFile } from "../file-url.ts";

/** A checked value, ready for an argument list. */
export type CheckedValue =
  /** One argument. */
  | { readonly kind: "text"; readonly text: string }
  /** One argument per element, possibly none. */
  | { readonly kind: "list"; readonly items: readonly string[] };

/** What is wrong with a value, as it continues "NAME: …". */
export class ValueError extends Error {}

/**
 * How values of one type are checked, for parameters and flags alike. Touches no disk: what needs the disk is checked later, on the same values.
 */
export interface ParamKind {
  /** True when the values are paths in the workspace, to be checked against the disk and path_deny. */
  readonly isPath: boolean;
  /** RE2 group that catches a value inside a word of a command line. */
  readonly capture: string;
  /** The JSON value that a word of a command line means, undefined when it can mean none; missing for kinds of several words. */
  readonly read?: (word: string, rule: ValueRule) => unknown;
  /** @throws ValueError */
  check(value: unknown, rule: ValueRule): CheckedValue;
}

/** Any text, as short as the rest of the word permits. */
export const ANY_TEXT = "(.+?)";

export function typeOfJson(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** A value as it may stand in a message. */
export function shown(text: string): string {
  return quoted(shortened(text, 60));
}

/** Longest list of choices that a message repeats, in bytes. */
const MAX_CHOICES_BYTES = 600;

/** The lists and patterns that a text has to keep to. */
export function checkChoice(text: string, rule: ValueRule): void {
  const { enum: choices = [] } = rule.schema;
  if (choices.length > 0 && !choices.includes(text))
    throw new ValueError(`${shown(text)} is none of ${shortened(choices.join(", "), MAX_CHOICES_BYTES)}`);
  if (rule.pattern?.found(text) === false)
    throw new ValueError(`${shown(text)} does not match pattern ${quoted(rule.pattern.source)}`);
}

/** `min` and `max`, both included. */
export function checkRange(value: number, { schema: { min, max } }: ValueRule): void {
  if (min !== undefined && value < min) throw new ValueError(`${value} below minimum ${min}`);
  if (max !== undefined && value > max) throw new ValueError(`${value} exceeds maximum ${max}`);
}

/** The rules that hold for every text: length in bytes, no NUL, valid Unicode, no leading dash, no host file, enum, then the pattern. */
export function checkText(text: string, rule: ValueRule): string {
  const { minLength = 0, maxLength = 0, allow_leading_dash: dashAllowed } = rule.schema;
  const length = byteLength(text);
  if (minLength > 0 && length < minLength) throw new ValueError(`length ${length} below minimum ${minLength}`);
  if (maxLength > 0 && length > maxLength) throw new ValueError(`length ${length} exceeds maximum ${maxLength}`);
  if (text.includes("\0")) throw new ValueError("contains a NUL");
  if (!text.isWellFormed()) throw new ValueError("is not valid Unicode");
  if (text.startsWith("-") && dashAllowed !== true)
    throw new ValueError(
      `${shown(text)} begins with '-', which a program would take for an option (flag injection prevention)`,
    );
  if (rule.verbatim !== true && readsHostFile(text))
    throw new ValueError(`${shown(text)} would read a file of the host`);
  checkChoice(text, rule);
  return text;
}

/** A JSON string that keeps `checkText`. */
export function checkString(value: unknown, rule: ValueRule): string {
  if (typeof value !== "string") throw new ValueError(`expected string, got ${typeOfJson(value)}`);
  return checkText(value, rule);
}

/** A JSON array of strings, each of which keeps `checkText`. */
export function checkStrings(value: unknown, rule: ValueRule): readonly string[] {
  if (!Array.isArray(value)) throw new ValueError(`expected array, got ${typeOfJson(value)}`);
  return value.map((element: unknown, index) => {
    if (typeof element !== "string")
      throw new ValueError(`element ${index}: expected string, got ${typeOfJson(element)}`);
    try {
      return checkText(element, rule);
    } catch (error) {
      throw error instanceof ValueError ? new ValueError(`element ${index}: ${error.message}`) : error;
    }
  });
}
