import { quoted, shortened } from "../../wire/text.ts";
import type { Operation } from "../project/types.ts";
import type { Argument } from "./typed-form.ts";
import { usageOf } from "./typed-usage.ts";
import { caughtBy, type Caught, type TypedPlace } from "./typed-word.ts";

/** Words without their options, dealt out to the arguments of a template. */

export type Dealt = { readonly caught: Caught; readonly left: readonly Argument[] } | { readonly why: string };

/** A typed word as it may stand in a message: it may be a whole text, or a secret. */
export function shownWord(word: string): string {
  return quoted(shortened(word, 40));
}

/** How many words the arguments take at most. */
export function mostWords(units: readonly Argument[]): number {
  return units.reduce((sum, { elements }) => sum + elements.length, 0);
}

/** Why the words do not fit: the first that does not, when each argument takes what it can. */
function whyNot(
  units: readonly Argument[],
  words: readonly string[],
  fits: (unit: Argument, at: number) => unknown,
  place: TypedPlace,
): string {
  let at = 0;
  for (const unit of units) {
    if (at < words.length && fits(unit, at) !== undefined) at += unit.elements.length;
    else if (!unit.mayBeMissing) {
      const form = usageOf(unit, place);
      const word = words[at];
      return word === undefined ? `missing ${form}` : `${shownWord(word)} stands where ${form} is expected`;
    }
  }
  const stray = words[at];
  return stray === undefined ? "the arguments can be read in no way" : `unexpected ${shownWord(stray)}`;
}

/**
 * Deals words out so that every argument which has to be there gets its own, in order; one that may be missing takes a word as soon as the rest
 * still fits. The work is bounded by the words times the arguments.
 * @throws CodedError `template_defect`
 */
export function dealArguments(
  operation: Operation,
  units: readonly Argument[],
  words: readonly string[],
  place: TypedPlace,
): Dealt {
  const memo = new Map<Argument, (Caught | null)[]>(units.map((unit) => [unit, []]));
  const fits = (unit: Argument, at: number): Caught | undefined => {
    const known = memo.get(unit)?.[at];
    if (known !== undefined) return known ?? undefined;
    const parts = unit.elements.map((element, index) => {
      const word = words[at + index];
      return word === undefined ? undefined : caughtBy(operation, element, word, place);
    });
    const caught = parts.every((part) => part !== undefined) ? parts.flat() : null;
    const row = memo.get(unit);
    if (row !== undefined) row[at] = caught;
    return caught ?? undefined;
  };
  // reach[u][w]: the words from w on fit the arguments from u on.
  const reach = Array.from({ length: units.length + 1 }, () => new Set<number>());
  reach[units.length]?.add(words.length);
  for (let u = units.length - 1; u >= 0; u--) {
    const unit = units[u];
    if (unit === undefined) continue;
    for (let w = words.length; w >= 0; w--) {
      const skips = unit.mayBeMissing && reach[u + 1]?.has(w) === true;
      const takes = reach[u + 1]?.has(w + unit.elements.length) === true && fits(unit, w) !== undefined;
      if (skips || takes) reach[u]?.add(w);
    }
  }
  if (reach[0]?.has(0) !== true) return { why: whyNot(units, words, fits, place) };
  const caught: (readonly [string, unknown])[] = [];
  const left: Argument[] = [];
  let at = 0;
  units.forEach((unit, u) => {
    const own = reach[u + 1]?.has(at + unit.elements.length) === true ? fits(unit, at) : undefined;
    if (own === undefined) left.push(unit);
    else {
      caught.push(...own);
      at += unit.elements.length;
    }
  });
  return { caught, left };
}
