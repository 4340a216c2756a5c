import type { Operation } from "../project/types.ts";
import type { Effort } from "./effort.ts";
import { checkFlags, checkFlagValue, normaliseFlags } from "./flags.ts";

/**
 * Typed flags in one form, once they are what the operation allows.
 * @throws CodedError `flag_not_allowed`, `flag_invalid`; EffortSpent
 */
export function flagsWithEffort(operation: Operation, typed: readonly string[], effort: Effort): readonly string[] {
  effort.words(typed.length, 0);
  const flags = normaliseFlags(typed, operation.flags);
  checkFlags(operation, flags, (spec, text) => {
    effort.value(spec, text, checkFlagValue);
  });
  return flags;
}
