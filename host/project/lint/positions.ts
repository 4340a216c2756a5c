import { programName } from "../push.ts";
import { placeholdersOf } from "../template.ts";
import type { Operation, ParamRule } from "../types.ts";
import { pointerTo, type OperationRule } from "./finding.ts";

const ENDS_OPTIONS = new Set(["--", "--end-of-options"]);
/** Programs that read no options behind these two words, or one of them, wherever they stand. */
const ENDS_WITH: ReadonlyMap<string, string> = new Map([
  ["git", "--end-of-options, or -- before a path,"],
  ["gh", "--"],
]);

function endOfOptions(operation: Operation): number {
  return operation.template.findIndex((one) => one.kind === "literal" && ENDS_OPTIONS.has(one.text));
}

/** True when a value of the placeholder at `index` would be read as an option if it began with a dash. */
export function standsOpen(operation: Operation, index: number): boolean {
  const element = operation.template[index];
  if (element === undefined || element.kind === "literal") return false;
  if (element.kind === "inline" && element.parts[0]?.kind === "text") return false;
  const end = endOfOptions(operation);
  if (end >= 0 && end < index) return false;
  // Right behind an option that takes a value, it is that value.
  const previous = operation.template[index - 1];
  return !(previous?.kind === "literal" && previous.text.startsWith("-") && !previous.text.includes("="));
}

const FREE = new Set(["string", "array", "path", "paths"]);

/** True when nothing but the general rule keeps a dash from the front of its values. */
function isFree({ type, schema, pattern }: ParamRule): boolean {
  return (
    type !== undefined &&
    FREE.has(type) &&
    (schema.enum ?? []).length === 0 &&
    schema.allow_leading_dash !== true &&
    (pattern === undefined || ["-x", "--x", "--x=y"].some((text) => pattern.found(text)))
  );
}

/** Free text where a program reads options: the rule that no value begins with a dash is then all that stands in between. */
export const openOptions: OperationRule = (operation, at, report) => {
  const end = ENDS_WITH.get(programName(operation.command));
  if (end === undefined) return;
  operation.template.forEach((element, index) => {
    if (!standsOpen(operation, index)) return;
    const name = placeholdersOf(element)[0] ?? "";
    const rule = operation.params.get(name);
    if (rule === undefined || !isFree(rule)) return;
    const typed = "a type such as git_ref or a pattern that refuses a leading '-'";
    report({
      severity: "warning",
      rule: "options_open",
      pointer: at + pointerTo("args_template", index),
      message: `{${name}} is free text where ${programName(operation.command)} still reads options`,
      fix:
        operation.flags.size > 0
          ? `Give it ${typed}; allowed_flags are added at the end, so the options cannot be closed before it.`
          : `Put ${end} before it, or give it ${typed}.`,
    });
  });
};

/** Flags of the caller are added at the end: behind `--` the program takes them for values. */
export const closedFlags: OperationRule = (operation, at, report) => {
  const end = endOfOptions(operation);
  if (end < 0 || operation.flags.size === 0 || !ENDS_WITH.has(programName(operation.command))) return;
  report({
    severity: "warning",
    rule: "flags_closed",
    pointer: at + pointerTo("args_template", end),
    message: "allowed_flags are added at the end, where they are read as values",
    fix: `Remove ${operation.template[end]?.text ?? ""} and give the placeholders behind it types or patterns, or remove allowed_flags.`,
  });
};
