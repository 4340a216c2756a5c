/** Two clocks: one that people read and that can be set, and one that only goes forward but may stand still while the machine sleeps. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Milliseconds since some moment. */
  readonly steady: () => number;
}

export const SYSTEM_CLOCK: Clock = { wall: () => Date.now(), steady: () => performance.now() };

/**
 * The end of a time, by whichever clock comes first: setting the wall clock back, or putting the machine to sleep, makes it no longer.
 */
export class Deadline {
  /** When it ends by the wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly #clock: Clock;
  readonly #steadyEnd: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.at = clock.wall() + ms;
    this.#steadyEnd = clock.steady() + ms;
  }

  get isOver(): boolean {
    return this.leftMs <= 0;
  }

  /** Milliseconds, never more than it was made with. */
  get leftMs(): number {
    return Math.min(this.at - this.#clock.wall(), this.#steadyEnd - this.#clock.steady());
  }
}
