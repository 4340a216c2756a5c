import type { HistogramFields } from "../../wire/schema.ts";

/** Counts durations by upper bounds, in seconds. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  add(seconds: number): void {
    this.#count += 1;
    this.#sum += seconds;
    const index = this.#bounds.findIndex((bound) => seconds <= bound);
    if (index !== -1) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Each bucket holds those below it, too. What is above every bound is in `count` only. */
  fields(): HistogramFields {
    let sum = 0;
    const buckets = this.#bounds.map((le, index) => ({ le, count: (sum += this.#counts[index] ?? 0) }));
    return { count: this.#count, sum: this.#sum, buckets };
  }
}
