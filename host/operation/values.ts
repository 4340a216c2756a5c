import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { didYouMean, listed } from "../project/listed.ts";
import type { Operation } from "../project/types.ts";
import { PARAM_KINDS } from "./params/index.ts";
import { ValueError, type CheckedValue } from "./params/kind.ts";

/** Checked values by parameter name. */
export type Values = ReadonlyMap<string, CheckedValue>;

function knownHint(name: string, known: readonly string[]): string {
  return `${didYouMean(name, known)}The operation takes ${listed(known)}.`;
}

/**
 * Checks the supplied parameters against the operation's schemas. Absent ones are noticed only when the arguments are built, as the original does.
 * @throws CodedError `param_unknown`, `param_invalid`; the message begins `Invalid parameters:`
 */
export function checkParams(operation: Operation, supplied: ReadonlyMap<string, unknown>): Values {
  const values = new Map<string, CheckedValue>();
  for (const [name, value] of supplied) {
    const rule = operation.params.get(name);
    if (rule === undefined) {
      const known = [...operation.params.keys()];
      throw new CodedError("param_unknown", `Invalid parameters: unknown parameter: ${quoted(shortened(name, 64))}`, {
        hint: known.length === 0 ? "Leave it out: the operation takes no parameters." : knownHint(name, known),
      });
    }
    if (rule.type === undefined) {
      throw new CodedError(
        "param_invalid",
        `Invalid parameters: ${name}: unknown type ${quoted(rule.schema.type ?? "")}`,
        {
          hint: "The owner of the host corrects the parameter's type; `cmd2host config check ID` says where.",
        },
      );
    }
    try {
      values.set(name, PARAM_KINDS[rule.type].check(value, rule));
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new CodedError("param_invalid", `Invalid parameters: ${name}: ${error.message}`);
    }
  }
  return values;
}
