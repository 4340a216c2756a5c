import type { LimitFields } from "../../../wire/schema.ts";
import type { LimitRule } from "../types.ts";

/** How often something may run; undefined when nothing is said, or nothing limited. */
export function compileLimits(fields: LimitFields | undefined): LimitRule | undefined {
  const { rate, concurrent, per_day: perDay } = fields ?? {};
  if (rate === undefined && concurrent === undefined && perDay === undefined) return undefined;
  return {
    rate: rate === undefined ? undefined : { runs: rate.runs, perMs: rate.per_seconds * 1_000 },
    concurrent,
    perDay,
  };
}
