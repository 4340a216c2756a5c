/** Bounds of the waits between tries, in milliseconds. */
export interface Waits {
  readonly first: number;
  readonly longest: number;
}

const WAITS: Waits = { first: 200, longest: 30_000 };

/** How long to wait before the next try: any time up to a bound that doubles, so that many who were cut off at the same time do not come back so. */
export class Backoff {
  readonly #waits: Waits;
  readonly #random: () => number;
  #tries = 0;

  /** @param random from 0 to 1 */
  constructor(waits: Waits = WAITS, random: () => number = Math.random) {
    this.#waits = waits;
    this.#random = random;
  }

  /**
   * Milliseconds until the next try.
   * @param longest the bound of this wait, when it is to be smaller than that of all; then those behind it do not grow beyond it either
   */
  next(longest = this.#waits.longest): number {
    const most = Math.min(this.#waits.longest, longest);
    const bound = this.#waits.first * 2 ** this.#tries;
    if (bound < most) this.#tries++;
    return this.#random() * Math.min(most, bound);
  }

  /** It worked, and for a while. */
  reset(): void {
    this.#tries = 0;
  }
}
