import type { Space } from "./stream-log.ts";

/** The bytes that all kept outputs may take together. When there are not enough, old runs have to go. */
export class RunSpace implements Space {
  readonly #max: () => number;
  readonly #removeOldest: () => boolean;
  #used = 0;

  /** @param removeOldest gives back what the oldest finished run takes; false when there is none */
  constructor(max: () => number, removeOldest: () => boolean) {
    this.#max = max;
    this.#removeOldest = removeOldest;
  }

  take(bytes: number): number {
    const max = this.#max();
    while (this.#used + bytes > max && this.#removeOldest());
    const granted = Math.max(0, Math.min(bytes, max - this.#used));
    this.#used += granted;
    return granted;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  /** What is there already, whether there is room for it or not. */
  occupy(bytes: number): void {
    this.#used += bytes;
  }

  /** Removes old runs until the bound holds again, if there are any. */
  shrink(): void {
    while (this.#used > this.#max() && this.#removeOldest());
  }
}
