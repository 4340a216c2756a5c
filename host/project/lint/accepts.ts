import { byteLength } from "../../../wire/text.ts";
import type { FlagSpec, ParamRule } from "../types.ts";

/** Rules are judged by what they let through, not by how they are written. */

function choiceOrPattern(
  rule: { readonly enum?: readonly string[] } | undefined,
  pattern: { found(text: string): boolean } | undefined,
  text: string,
): boolean {
  const choices = rule?.enum ?? [];
  return (choices.length === 0 || choices.includes(text)) && pattern?.found(text) !== false;
}

/** True when the parameter would take `text` (or an element of it would). */
export function paramAccepts(rule: ParamRule, text: string): boolean {
  const { minLength = 0, maxLength = 0, allow_leading_dash: dash } = rule.schema;
  if (rule.type === "integer" || rule.type === undefined) return false;
  if (text.startsWith("-") && dash !== true) return false;
  const length = byteLength(text);
  if ((minLength > 0 && length < minLength) || (maxLength > 0 && length > maxLength)) return false;
  return choiceOrPattern(rule.schema, rule.pattern, text);
}

/** True when the flag would take `text` as its value. */
export function flagAccepts(spec: FlagSpec, text: string): boolean {
  if (spec.takes === "none" || spec.rule?.type === "integer") return false;
  return choiceOrPattern(spec.rule, spec.pattern, text);
}
