import { PARAM_TYPES } from "../../../wire/names.ts";
import { printable, quoted } from "../../../wire/text.ts";
import { placeholdersOf } from "../template.ts";
import { INJECTED, type Operation, type ParamRule } from "../types.ts";
import { limit } from "../words.ts";
import { pointerTo, type OperationRule, type Report } from "./finding.ts";
import { standsOpen } from "./positions.ts";

/** Types whose values are any text, unless the schema narrows them. */
const TEXTS = new Set<string>(["string", "array", "path", "paths", "workspace_path"]);

function checkType(rule: ParamRule, at: string, report: Report): void {
  if (rule.type === undefined) {
    const given = rule.schema.type ?? "";
    report({
      severity: "error",
      rule: "param_type",
      pointer: given === "" ? at : `${at}/type`,
      message:
        given === ""
          ? `param ${printable(rule.name)} has no type; every value is refused`
          : `unknown type ${quoted(given)}; every value is refused`,
      fix: `Use one of ${PARAM_TYPES.join(", ")}.`,
    });
  }
  const items = rule.schema.items?.type;
  if (rule.type === "array" && items !== undefined && items !== "string") {
    report({
      severity: "warning",
      rule: "param_items",
      pointer: `${at}/items/type`,
      message: `elements of type ${quoted(items)} are refused`,
      fix: 'Use "string".',
    });
  }
}

function checkLimits(rule: ParamRule, at: string, report: Report): void {
  const { min, max, enum: choices = [] } = rule.schema;
  const [minLength, maxLength] = [limit(rule.schema.minLength), limit(rule.schema.maxLength)];
  const empty = (low: number | undefined, high: number | undefined): boolean =>
    low !== undefined && high !== undefined && low > high;
  if (empty(min, max) || empty(minLength, maxLength)) {
    report({
      severity: "error",
      rule: "param_limits",
      pointer: at,
      message: `no value can lie between the limits of ${printable(rule.name)}`,
      fix: "Swap the limits.",
    });
  }
  if (rule.type === undefined || !TEXTS.has(rule.type)) return;
  const wild = rule.pattern === undefined || (rule.pattern.found("") && rule.pattern.found("-x\n$(y)é"));
  if (wild && choices.length === 0 && maxLength === undefined) {
    report({
      severity: "warning",
      rule: "param_wild",
      pointer: at,
      message: `param ${printable(rule.name)} accepts any text of any length`,
      fix: "Give it a pattern, an enum or a maxLength.",
    });
  }
}

function checkDash(operation: Operation, rule: ParamRule, at: string, report: Report): void {
  if (rule.schema.allow_leading_dash !== true) return;
  const open = operation.template.some(
    (element, index) => placeholdersOf(element).includes(rule.name) && standsOpen(operation, index),
  );
  if (!open) return;
  report({
    severity: "error",
    rule: "param_option",
    pointer: `${at}/allow_leading_dash`,
    message: `a value of ${printable(rule.name)} that begins with '-' stands where the program reads options`,
    fix: "Drop allow_leading_dash, or put -- or --end-of-options before the placeholder.",
  });
}

function checkUse(operation: Operation, rule: ParamRule, at: string, report: Report): void {
  const injected = INJECTED.some((name) => name === rule.name);
  const { fleet, template } = operation;
  // What runs on a machine of a fleet gets its values by name.
  const elements = fleet === undefined ? template : [fleet.target, ...fleet.params.values()];
  const used = elements.some((element) => placeholdersOf(element).includes(rule.name));
  if (used && !injected) return;
  report({
    severity: "warning",
    rule: injected ? "param_shadowed" : "param_unused",
    pointer: at,
    message: injected
      ? `{${rule.name}} always stands for the target; the parameter is ignored`
      : `param ${printable(rule.name)} does not occur in ${fleet === undefined ? "args_template" : "fleet"}`,
    fix: injected
      ? "Give the parameter another name."
      : `Add {${printable(rule.name)}} to ${fleet === undefined ? "args_template" : "fleet.params"}, or remove the parameter.`,
  });
}

/** Parameters that cannot be used, are not used, accept too much, or could be read as options. */
export const params: OperationRule = (operation, here, report, { loaded }) => {
  for (const rule of operation.params.values()) {
    const at = here + pointerTo("params", rule.name);
    checkType(rule, at, report);
    // A shell of a machine takes any command: that is what it is for.
    if (operation.machine?.shell === undefined) checkLimits(rule, at, report);
    checkUse(operation, rule, at, report);
    checkDash(operation, rule, at, report);
    if (loaded.project.env.has(rule.name)) {
      report({
        severity: "warning",
        rule: "env_shadowed",
        pointer: at,
        message: `param ${printable(rule.name)} hides the env entry of the same name`,
        fix: "Give one of them another name.",
      });
    }
  }
};
