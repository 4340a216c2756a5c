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

  /** Milliseconds until the next try. */
  next(): number {
    const bound = Math.min(this.#waits.longest, this.#waits.first * 2 ** Math.min(this.#tries++, 20));
    return this.#random() * bound;
  }

  /** It worked, and for a while. */
  reset(): void {
    this.#tries = 0;
  }
}
