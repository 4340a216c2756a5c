import type { Clock } from "./deadline.ts";

/** At most so many within a time that slides. By the clock that only goes forward. */
export interface Rate {
  readonly runs: number;
  readonly perMs: number;
}

/** When something happened lately, for one thing that is limited. */
export class Window {
  readonly #clock: Clock;
  readonly #rate: Rate;
  #times: number[] = [];

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Milliseconds until there is room for one more; 0 when there is. */
  get waitMs(): number {
    const now = this.#clock.steady();
    this.#times = this.#times.filter((time) => time > now - this.#rate.perMs);
    const [oldest] = this.#times.slice(-this.#rate.runs);
    return this.#times.length < this.#rate.runs || oldest === undefined ? 0 : oldest + this.#rate.perMs - now;
  }

  get isEmpty(): boolean {
    return this.waitMs === 0 && this.#times.length === 0;
  }

  /** Gives what takes it back. */
  take(): () => void {
    const time = this.#clock.steady();
    this.#times.push(time);
    return () => {
      const at = this.#times.lastIndexOf(time);
      if (at >= 0) this.#times.splice(at, 1);
    };
  }
}
