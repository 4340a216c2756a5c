import { ALLOWANCES } from "../../../wire/names.ts";
import type { ApprovalFields, OperationTemplate } from "../../../wire/schema.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import { compilePattern, type Pattern } from "../../util/pattern.ts";
import { parseElement, placeholdersOf } from "../template.ts";
import type { ApprovalCondition, ApprovalRule, FlagSpec, ParamRule } from "../types.ts";
import type { Complain } from "./complain.ts";

/** What a condition may name. */
interface Known {
  readonly params: ReadonlyMap<string, ParamRule>;
  readonly flags: ReadonlyMap<string, FlagSpec>;
}

type ConditionFields = NonNullable<Exclude<ApprovalFields, string>["when"]>[number];

function compileOptional(source: string | undefined, pointer: string, complain: Complain): Pattern | undefined {
  if (source === undefined) return undefined;
  const compiled = compilePattern(source);
  return compiled.ok ? compiled.pattern : complain(pointer, `${quoted(shortened(source, 60))}: ${compiled.message}`);
}

function compileCondition(
  { flag, param, pattern, unless }: ConditionFields,
  pointer: string,
  { params, flags }: Known,
  complain: Complain,
): ApprovalCondition {
  const [name = "", kind] = flag === undefined ? [param, "param" as const] : [flag, "flag" as const];
  if ((flag === undefined) === (param === undefined)) complain(pointer, "expected either flag or param");
  if (!(kind === "flag" ? flags.has(name) : params.has(name)))
    complain(`${pointer}/${kind}`, `the operation has no ${kind} ${quoted(shortened(name, 60))}`);
  if (pattern !== undefined && unless !== undefined) complain(pointer, "expected pattern or unless, not both");
  return {
    kind,
    name,
    pattern: compileOptional(pattern, `${pointer}/pattern`, complain),
    unless: compileOptional(unless, `${pointer}/unless`, complain),
  };
}

/** When a person is asked before the operation runs; undefined when never. A condition that cannot hold is a mistake, not a "no". */
export function compileApproval(
  { approval }: OperationTemplate,
  pointer: string,
  known: Known,
  complain: Complain,
): ApprovalRule | undefined {
  if (approval === undefined) return undefined;
  const fields = typeof approval === "string" ? {} : approval;
  const at = `${pointer}/approval`;
  const says = fields.says === undefined ? undefined : parseElement(fields.says);
  for (const name of says === undefined ? [] : placeholdersOf(says))
    if (!known.params.has(name)) complain(`${at}/says`, `the operation has no param ${quoted(shortened(name, 60))}`);
  if (fields.when?.length === 0)
    complain(`${at}/when`, "is empty, so nobody would be asked; leave it out to ask always");
  if (fields.answers?.length === 0) complain(`${at}/answers`, "is empty; leave it out to allow all");
  return {
    when: (fields.when ?? []).map((one, index) => compileCondition(one, `${at}/when/${index}`, known, complain)),
    after:
      fields.after === undefined ? undefined : { runs: fields.after.runs, perMs: fields.after.per_seconds * 1_000 },
    timeoutMs: fields.timeout === undefined ? undefined : fields.timeout * 1_000,
    via: fields.via,
    answers: fields.answers ?? ALLOWANCES,
    says,
  };
}
