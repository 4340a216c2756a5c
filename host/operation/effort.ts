import { byteLength } from "../../wire/text.ts";
import type { FlagSpec } from "../project/types.ts";

/** The end of an effort. Caught where the effort was begun. */
export class EffortSpent extends Error {}

/** What a match may cost: some 0.3 s, however many operations and words there are. In bytes that a pattern is held against, or what takes as long. */
export const MAX_EFFORT = 8_388_608;
/** Looking at one word takes as long as a pattern takes for so many bytes. */
const WORD = 6;
/** So does beginning to hold a text against a rule. */
const VERDICT = 24;
/** So does making a pattern of an element of a template. */
const CAPTURE = 1_024;
/** Copying and comparing is so much faster than a pattern. */
const FASTER = 16;

/**
 * What it takes to hold one typed command line against many operations. A client chooses words and their number, and everybody else waits
 * meanwhile: so no text is held twice against rules that say the same, and there is an end.
 */
export class Effort {
  readonly #rules = new WeakMap<FlagSpec, Map<string, Error | undefined>>();
  readonly #verdicts = new Map<string, Map<string, Error | undefined>>();
  #left = MAX_EFFORT;

  #spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new EffortSpent();
  }

  /** Before so many words are looked at, each beside so many options of a template. @throws EffortSpent */
  words(count: number, options: number): void {
    this.#spend(count * (WORD + options));
  }

  /** Before a word is held against an element of a template. @throws EffortSpent */
  element(word: string): void {
    this.#spend(WORD + word.length / FASTER);
  }

  /** Before a word is held against a pattern that is made for it. @throws EffortSpent */
  capture(word: string): void {
    this.#spend(CAPTURE + word.length);
  }

  /**
   * Holds a flag's value against its rules, or remembers what came of it; throws what `check` throws.
   * @throws EffortSpent
   */
  value(spec: FlagSpec, text: string, check: (spec: FlagSpec, text: string) => void): void {
    this.#spend(VERDICT + text.length / FASTER);
    const verdicts = this.#verdictsOf(spec);
    if (!verdicts.has(text)) {
      this.#spend(byteLength(text));
      verdicts.set(
        text,
        failureOf(() => {
          check(spec, text);
        }),
      );
    }
    const failure = verdicts.get(text);
    if (failure !== undefined) throw failure;
  }

  /** Those of all flags of this name that have the same rules, whichever operation they are of. */
  #verdictsOf(spec: FlagSpec): Map<string, Error | undefined> {
    const known = this.#rules.get(spec);
    if (known !== undefined) return known;
    const key = JSON.stringify([spec.flag, spec.value.type, spec.value.pattern?.source, spec.value.schema]);
    const verdicts = this.#verdicts.get(key) ?? new Map<string, Error | undefined>();
    this.#verdicts.set(key, verdicts);
    this.#rules.set(spec, verdicts);
    return verdicts;
  }
}

function failureOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error;
  }
}
