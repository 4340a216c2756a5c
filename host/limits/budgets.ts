import { readTrusted } from "../util/read-trusted.ts";
import { writeAtomic } from "../util/write-atomic.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Clock } from "../util/deadline.ts";

/** How soon after a change it is on disk. */
const WRITE_BEHIND_MS = 1_000;
const MAX_FILE_BYTES = 8_388_608;
/** Different things that are counted in a day; more are counted as one. */
const MAX_KEYS = 65_536;
const REST = "(the rest)";
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * How often things happened today, by UTC. Kept in a file, so that starting the daemon again gives nobody a new day; what the last second counted
 * may be lost by a crash. A clock that is set back stays in the day that it was.
 */
export class Budgets {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #warn: (message: string) => void;
  #day: number;
  #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string, clock: Clock, warn: (message: string) => void) {
    this.#file = file;
    this.#clock = clock;
    this.#warn = warn;
    this.#day = this.#today;
    this.#read();
  }

  count(key: string): number {
    this.#turn();
    return this.#counts.get(this.#known(key)) ?? 0;
  }

  add(key: string, runs: 1 | -1): void {
    this.#turn();
    const known = this.#known(key);
    this.#counts.set(known, Math.max(0, (this.#counts.get(known) ?? 0) + runs));
    this.#timer ??= setTimeout(() => {
      this.flush();
    }, WRITE_BEHIND_MS).unref();
  }

  /** Milliseconds until the next day. */
  get leftMs(): number {
    return (this.#day + 1) * DAY_MS - this.#clock.wall();
  }

  /** Writes what is not written yet. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      writeAtomic(this.#file, `${JSON.stringify({ day: this.#day, runs: Object.fromEntries(this.#counts) })}\n`);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#warn(error.message);
    }
  }

  get #today(): number {
    return Math.floor(this.#clock.wall() / DAY_MS);
  }

  #known(key: string): string {
    return this.#counts.has(key) || this.#counts.size < MAX_KEYS ? key : REST;
  }

  #turn(): void {
    if (this.#today <= this.#day) return;
    this.#day = this.#today;
    this.#counts = new Map();
  }

  #read(): void {
    try {
      const file = readTrusted(this.#file, MAX_FILE_BYTES);
      if (file === undefined) return;
      const { day, runs } = JSON.parse(file.bytes.toString("utf8")) as {
        readonly day?: unknown;
        readonly runs?: unknown;
      };
      if (typeof day !== "number" || !Number.isSafeInteger(day) || typeof runs !== "object" || runs === null)
        throw new RangeError("it does not hold what was counted");
      // From a day that has not come: the clock was wrong, then or now. It is not a reason to begin anew.
      if (day < this.#day) return;
      const counts = Object.entries(runs).flatMap(([key, value]: readonly [string, unknown]) =>
        typeof value === "number" && value >= 0 ? [[key, value] as const] : [],
      );
      this.#counts = new Map(counts.slice(0, MAX_KEYS));
    } catch (error) {
      this.#warn(
        `${this.#file}: today's budgets begin anew: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
