import type { ParamRule } from "../../project/types.ts";
import { readsHostFile } from "../file-url.ts";
import { byteLength, quoted, shortened } from "../../../wire/text.ts";

/** A checked value, ready for an argument list. */
export type CheckedValue =
  /** One argument. */
  | { readonly kind: "text"; readonly text: string }
  /** One argument per element, possibly none. */
  | { readonly kind: "list"; readonly items: readonly string[] };

/** What is wrong with a value, as it continues "NAME: …". */
export class ValueError extends Error {}

/** How values of one parameter type are checked. Touches no disk: what needs the disk is checked later, on the same values. */
export interface ParamKind {
  /** True when the values are paths in the workspace, to be checked against the disk and path_deny. */
  readonly isPath: boolean;
  /** @throws ValueError */
  check(value: unknown, rule: ParamRule): CheckedValue;
}

export function typeOfJson(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** The rules that hold for every text: length in bytes, no NUL, valid Unicode, no leading dash, no host file, enum, then the pattern. */
export function checkText(text: string, rule: ParamRule): string {
  const { minLength = 0, maxLength = 0, enum: choices, allow_leading_dash: dashAllowed } = rule.schema;
  const length = byteLength(text);
  if (minLength > 0 && length < minLength) throw new ValueError(`length ${length} below minimum ${minLength}`);
  if (maxLength > 0 && length > maxLength) throw new ValueError(`length ${length} exceeds maximum ${maxLength}`);
  if (text.includes("\0")) throw new ValueError("contains a NUL");
  if (!text.isWellFormed()) throw new ValueError("is not valid Unicode");
  if (text.startsWith("-") && dashAllowed !== true)
    throw new ValueError(
      `${quoted(shortened(text, 60))} begins with '-', which a program would take for an option (flag injection prevention)`,
    );
  if (readsHostFile(text)) throw new ValueError(`${quoted(shortened(text, 60))} would read a file of the host`);
  if (choices !== undefined && choices.length > 0 && !choices.includes(text))
    throw new ValueError(`${quoted(shortened(text, 60))} is none of ${choices.join(", ")}`);
  if (rule.pattern?.found(text) === false)
    throw new ValueError(`${quoted(shortened(text, 60))} does not match pattern ${quoted(rule.pattern.source)}`);
  return text;
}

/** A JSON string that keeps `checkText`. */
export function checkString(value: unknown, rule: ParamRule): string {
  if (typeof value !== "string") throw new ValueError(`expected string, got ${typeOfJson(value)}`);
  return checkText(value, rule);
}

/** A JSON array of strings, each of which keeps `checkText`. */
export function checkStrings(value: unknown, rule: ParamRule): readonly string[] {
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
