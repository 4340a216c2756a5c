import type { Clock } from "../util/deadline.ts";

/** As many as a rule can count to; older ones are forgotten. */
const MAX_REMEMBERED = 1_000;
const MAX_OPERATIONS = 4_096;

/** When operations ran lately, in the memory of this daemon: for rules that ask after so many runs. */
export class RecentRuns {
  readonly #clock: Clock;
  readonly #times = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One is about to run. */
  note(project: string, operation: string): void {
    const key = `${project}\0${operation}`;
    const times = this.#times.get(key) ?? [];
    times.push(this.#clock.steady());
    if (times.length > MAX_REMEMBERED) times.shift();
    this.#times.delete(key);
    this.#times.set(key, times);
    if (this.#times.size <= MAX_OPERATIONS) return;
    const [oldest] = this.#times.keys();
    if (oldest !== undefined) this.#times.delete(oldest);
  }

  /** How many within the last `ms`. */
  count(project: string, operation: string, ms: number): number {
    const since = this.#clock.steady() - ms;
    return (this.#times.get(`${project}\0${operation}`) ?? []).filter((time) => time > since).length;
  }
}
