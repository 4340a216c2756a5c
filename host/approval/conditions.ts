import { quoted, shortened } from "../../wire/text.ts";
import type { ApprovalCondition, ApprovalRule } from "../project/types.ts";

/** The values of a call, as texts: of a parameter, or of a flag; undefined when it is not there. */
export interface CallTexts {
  readonly param: (name: string) => readonly string[] | undefined;
  readonly flag: (name: string) => readonly string[] | undefined;
}

/** Longest value that a reason repeats, in bytes. */
const SHOWN_BYTES = 80;

function holds({ kind, name, pattern, unless }: ApprovalCondition, texts: CallTexts): string | undefined {
  const values = kind === "flag" ? texts.flag(name) : texts.param(name);
  if (unless !== undefined) {
    if (kind === "flag" && values === undefined) return undefined;
    const odd = values?.find((value) => !unless.matchesWhole(value));
    if (values !== undefined && values.length > 0 && odd === undefined) return undefined;
    return `${name} is ${odd === undefined ? "left out" : quoted(shortened(odd, SHOWN_BYTES))}`;
  }
  if (values === undefined) return undefined;
  if (pattern === undefined) return `${name} is given`;
  const found = values.find((value) => pattern.found(value));
  return found === undefined ? undefined : `${name} is ${quoted(shortened(found, SHOWN_BYTES))}`;
}

/**
 * Why a person must be asked, in words; undefined when nobody must. Pure.
 * @param recent how often the operation has run within the rule's time
 */
export function reasonToAsk(
  { when, after }: ApprovalRule,
  texts: CallTexts,
  recent: (perMs: number) => number,
): string | undefined {
  if (when.length === 0 && after === undefined) return "always asked";
  for (const condition of when) {
    const why = holds(condition, texts);
    if (why !== undefined) return why;
  }
  if (after === undefined || recent(after.perMs) < after.runs) return undefined;
  return `it has run ${after.runs} times within ${after.perMs / 1_000} s`;
}
