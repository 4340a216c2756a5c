import type { LimitRule } from "../types.ts";
import { limitWords } from "../words.ts";
import { narrows, widens, type Change } from "./change.ts";

/** True when `after` lets nothing run that `before` did not. Rates with another time cannot be told to be. */
function isAsTight(before: LimitRule | undefined, after: LimitRule | undefined): boolean {
  const atMost = (old: number | undefined, now: number | undefined): boolean =>
    old === undefined || (now !== undefined && now <= old);
  const [old, now] = [before?.rate, after?.rate];
  const rate = old === undefined || (now !== undefined && now.perMs >= old.perMs && now.runs <= old.runs);
  return rate && atMost(before?.concurrent, after?.concurrent) && atMost(before?.perDay, after?.perDay);
}

/** Changes of how often something may run. @param who what the limits are for */
export function limitChanges(
  who: string,
  before: LimitRule | undefined,
  after: LimitRule | undefined,
): readonly Change[] {
  const [old, now] = [limitWords(before), limitWords(after)];
  if (old === now) return [];
  const text = `${who} may run ${now} (before: ${old})`;
  return [isAsTight(before, after) ? narrows(text) : widens(text)];
}
