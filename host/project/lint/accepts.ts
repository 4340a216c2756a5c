import { byteLength } from "../../../wire/text.ts";
import { FORMS } from "../forms/index.ts";
import type { FlagSpec, ValueRule } from "../types.ts";

/** Rules are judged by what they let through, not by how they are written. */

/** True when a value could be `text` (or an element of it could). */
export function valueAccepts(rule: ValueRule, text: string): boolean {
  const { minLength = 0, maxLength = 0, allow_leading_dash: dash, enum: choices = [] } = rule.schema;
  if (rule.type === "integer" || rule.type === "number" || rule.type === undefined) return false;
  if (text.startsWith("-") && dash !== true && rule.type !== "enum") return false;
  const length = byteLength(text);
  if ((minLength > 0 && length < minLength) || (maxLength > 0 && length > maxLength)) return false;
  if (choices.length > 0 && !choices.includes(text)) return false;
  return rule.pattern?.found(text) !== false && FORMS.get(rule.type)?.(text, rule.schema) === undefined;
}

/** True when the flag would take `text` as its value. */
export function flagAccepts(spec: FlagSpec, text: string): boolean {
  return spec.takes !== "none" && valueAccepts(spec.value, text);
}
