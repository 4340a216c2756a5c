import { PARAM_TYPES, type ParamType } from "../../../wire/names.ts";
import type { FlagRule, OperationTemplate, Param } from "../../../wire/schema.ts";
import { printable, quoted, shortened } from "../../../wire/text.ts";
import { compilePattern, type Pattern } from "../../util/pattern.ts";
import { isScheme, isUrlHost } from "../forms/url.ts";
import type { FlagSpec, ParamRule, ValueRule } from "../types.ts";
import { step, type Complain } from "./complain.ts";

/** Greatest size of an input file that does not say its own. */
export const DEFAULT_INPUT_BYTES = 64 * 1024 * 1024;
/** How many files one operation may take in. */
const MAX_INPUTS = 8;

function compileValuePattern(source: string | undefined, pointer: string, complain: Complain): Pattern | undefined {
  if (source === undefined || source === "") return undefined;
  const compiled = compilePattern(source);
  if (compiled.ok) return compiled.pattern;
  return complain(pointer, `pattern ${quoted(source)} is not RE2: ${compiled.message}`);
}

/** Limits are whole numbers, except of numbers. */
function checkLimits(type: ParamType | undefined, schema: Param, pointer: string, complain: Complain): void {
  if (type === "number") return;
  for (const [name, limit] of [
    ["min", schema.min],
    ["max", schema.max],
  ] as const) {
    if (limit !== undefined && !Number.isInteger(limit))
      complain(`${pointer}/${name}`, `expected integer, got number ${limit}`);
  }
}

function checkUrlLists({ schemes = [], hosts = [] }: Param, pointer: string, complain: Complain): void {
  schemes.forEach((scheme, index) => {
    if (!isScheme(scheme))
      complain(
        `${pointer}/schemes/${index}`,
        `expected a scheme in small letters, got ${quoted(shortened(scheme, 60))}`,
      );
  });
  hosts.forEach((host, index) => {
    if (!isUrlHost(host))
      complain(
        `${pointer}/hosts/${index}`,
        `expected a host in small letters, perhaps with a port, got ${quoted(shortened(host, 60))}`,
      );
  });
}

function compileValue(type: ParamType | undefined, schema: Param, pointer: string, complain: Complain): ValueRule {
  checkLimits(type, schema, pointer, complain);
  checkUrlLists(schema, pointer, complain);
  if (type === "enum" && (schema.enum ?? []).length === 0)
    complain(pointer, "type enum needs enum, the list of the values that are accepted");
  return { type, schema, pattern: compileValuePattern(schema.pattern, `${pointer}/pattern`, complain) };
}

function directionOf(schema: Param, pointer: string, complain: Complain): "input" | "output" {
  const { direction = "" } = schema;
  if (direction === "" || direction === "output") return "output";
  return direction === "input" ? "input" : complain(`${pointer}/direction`, `unknown direction ${quoted(direction)}`);
}

function compileParam(name: string, schema: Param, pointer: string, complain: Complain): ParamRule {
  const type = PARAM_TYPES.find((known) => known === schema.type);
  const value = compileValue(type, schema, pointer, complain);
  if (type !== "workspace_path") return { name, ...value, direction: undefined, maxBytes: undefined };
  const direction = directionOf(schema, pointer, complain);
  const fallback = direction === "input" ? DEFAULT_INPUT_BYTES : undefined;
  return { name, ...value, direction, maxBytes: schema.max_bytes ?? fallback };
}

/** The parameters of an operation by name, in the order of the configuration. */
export function compileParams(
  source: OperationTemplate,
  pointer: string,
  complain: Complain,
): ReadonlyMap<string, ParamRule> {
  const here = `${pointer}/params`;
  const rules = Object.entries(source.params ?? {}).map(([name, schema]) =>
    compileParam(name, schema, here + step(name), complain),
  );
  const outputs = rules.filter(({ direction }) => direction === "output");
  const inputs = rules.filter(({ direction }) => direction === "input");
  if (outputs.length > 1)
    complain(
      here,
      `at most one workspace_path parameter with direction "output", found ${outputs.map(({ name }) => printable(name)).join(", ")}`,
    );
  if (inputs.length > MAX_INPUTS)
    complain(here, `at most ${MAX_INPUTS} workspace_path parameters with direction "input", found ${inputs.length}`);
  return new Map(rules.map((rule) => [rule.name, rule]));
}

/** The rules of a flag's value. Where it takes several, a value that begins with a dash would stand alone and be a flag. */
function flagValue(
  rule: FlagRule | undefined,
  takes: FlagSpec["takes"],
  pointer: string,
  complain: Complain,
): FlagSpec["value"] {
  const dash = takes !== "several" && (rule === undefined || rule.allow_leading_dash === true);
  const schema: Param = { ...rule, allow_leading_dash: dash };
  const type = rule?.type ?? "string";
  return { ...compileValue(type, schema, pointer, complain), type };
}

/** The flags that a caller may add, by name. */
export function compileFlags(
  source: OperationTemplate,
  pointer: string,
  complain: Complain,
): ReadonlyMap<string, FlagSpec> {
  const none = new Set(source.bool_flags ?? []);
  const several = new Set(source.multi_value_flags ?? []);
  const specs = (source.allowed_flags ?? []).map((entry, index): FlagSpec => {
    const here = `${pointer}/allowed_flags/${index}`;
    const rule: FlagRule | undefined = typeof entry === "string" ? undefined : entry;
    const flag = typeof entry === "string" ? entry : entry.flag;
    if (rule !== undefined && none.has(flag))
      complain(here, `${quoted(flag)} takes no value (bool_flags), so it can have no rules for one`);
    const takes = none.has(flag) ? "none" : several.has(flag) ? "several" : "one";
    return { flag, takes, rule, value: flagValue(rule, takes, here, complain) };
  });
  // Of a flag that stands twice only one entry counts: that must not be the one without rules by accident.
  specs.forEach(({ flag }, index) => {
    const first = specs.findIndex((other) => other.flag === flag);
    if (first !== index && [specs[first], specs[index]].some((spec) => spec?.rule !== undefined)) {
      complain(`${pointer}/allowed_flags/${index}`, `${quoted(flag)} stands twice, and one of them has rules`);
    }
  });
  return new Map(specs.map((spec) => [spec.flag, spec]));
}
