import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { listed } from "../project/listed.ts";
import type { Operation } from "../project/types.ts";
import { usageLine } from "./typed-usage.ts";
import type { TypedPlace } from "./typed-word.ts";

/** An operation that the line is none of. */
export interface NearMiss {
  readonly operation: Operation;
  /** How many words were understood before the first that was not. */
  readonly understood: number;
  /** True when the subcommand was typed as the operation has it. */
  readonly isNear: boolean;
  readonly why: string;
  /** Options that are put in automatically, and were typed. */
  readonly automatic: readonly string[];
}

const MAX_NEAR = 3;
const MAX_WHY_BYTES = 160;
const MAX_AUTOMATIC = 20;

/** What is said of a line that is none of the operations of its program: which came close, what is wrong with each, and the nearest form. */
export function noMatch(
  program: string,
  argv: readonly string[],
  misses: readonly NearMiss[],
  place: TypedPlace,
): CodedError {
  const near = misses
    .filter(({ isNear }) => isNear)
    .sort((a, b) => b.understood - a.understood)
    .slice(0, MAX_NEAR);
  const reasons = near.map(({ operation, why }) => `${operation.id}: ${shortened(why, MAX_WHY_BYTES)}`);
  const automatic = misses
    .flatMap((miss) =>
      miss.automatic.map((option) => `${miss.operation.id} injects ${option} automatically (drop it from your argv)`),
    )
    .slice(0, MAX_AUTOMATIC);
  const form = near.slice(0, 1).map(({ operation }) => `nearest form: ${usageLine(operation, place)}`);
  // The words may hold whole issue bodies or secrets: their beginning is enough to recognise the call.
  const shown = quoted(shortened(argv.join(" "), 200));
  const ids = misses.map(({ operation }) => operation.id);
  return new CodedError(
    "argv_no_match",
    [`cmd2host: no allowed operation matches argv ${shown}`, ...reasons, ...automatic, ...form].join("; "),
    { hint: `Operations of ${program} here: ${listed(ids)}; describe one to see its form.` },
  );
}
