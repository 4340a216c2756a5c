import { setTimeout as pause } from "node:timers/promises";
import { networkOf } from "./network.ts";

/** What was found of an attempt. `busy`: it was not looked at. */
export type Verdict = "right" | "wrong" | "busy";

/** How attempts are slowed down. */
export interface AttemptsOptions {
  /** So many wrong ones of a network cost nothing. */
  readonly free?: number;
  /** What each further one takes, in milliseconds. */
  readonly delayMs?: number;
  /** After so many milliseconds without a wrong one a network begins anew. */
  readonly forgetMs?: number;
  /** How many networks are remembered; beyond it, the one with the oldest failure is forgotten. */
  readonly networks?: number;
  /** How many attempts of a network may wait; further ones are turned away. */
  readonly waiting?: number;
  /** Milliseconds, of a clock that only goes forward. */
  readonly now?: () => number;
}

interface Row {
  failures: number;
  failedAt: number;
  /** Attempts that are being looked at, or wait for that. */
  waiting: number;
  /** Resolves when the last of them is done. */
  last: Promise<void>;
}

/**
 * Attempts at a key, by the network that they come from; one for all connections of an agent. Those of one network are looked at one after the
 * other, so that many connections gain nothing; a wrong one holds up the next ones for a while, once there were some. A right one is told at once.
 */
export class Attempts {
  readonly #free: number;
  readonly #delayMs: number;
  readonly #forgetMs: number;
  readonly #networks: number;
  readonly #waiting: number;
  readonly #now: () => number;
  /** In the order of their last failures. */
  readonly #rows = new Map<string, Row>();

  constructor(options: AttemptsOptions = {}) {
    const { free = 3, delayMs = 1_000, forgetMs = 900_000, networks = 10_000, waiting = 8 } = options;
    this.#free = free;
    this.#delayMs = delayMs;
    this.#forgetMs = forgetMs;
    this.#networks = networks;
    this.#waiting = waiting;
    this.#now = options.now ?? (() => performance.now());
  }

  /** How many networks are remembered. */
  get size(): number {
    return this.#rows.size;
  }

  /** @param isRight looks at the attempt, when its turn has come */
  async judge(address: string, isRight: () => boolean): Promise<Verdict> {
    const network = networkOf(address);
    const row = this.#rowOf(network);
    if (row === undefined || row.waiting >= this.#waiting) return "busy";
    const before = row.last;
    row.waiting++;
    const verdict = before.then(async () => this.#look(network, row, isRight));
    // The next one waits for its delay as well, also when its connection is gone by then.
    row.last = verdict.then(
      () => undefined,
      () => undefined,
    );
    return verdict;
  }

  async #look(network: string, row: Row, isRight: () => boolean): Promise<Verdict> {
    try {
      if (isRight()) {
        row.failures = 0;
        return "right";
      }
      row.failures++;
      row.failedAt = this.#now();
      this.#rows.delete(network);
      this.#rows.set(network, row);
      if (row.failures > this.#free) await pause(this.#delayMs);
      return "wrong";
    } finally {
      row.waiting--;
      if (row.waiting === 0 && row.failures === 0) this.#rows.delete(network);
    }
  }

  /** Undefined when there is no room for another network. */
  #rowOf(network: string): Row | undefined {
    this.#forget();
    const known = this.#rows.get(network);
    if (known !== undefined) return known;
    if (this.#rows.size >= this.#networks) {
      const oldest = [...this.#rows].find(([, { waiting }]) => waiting === 0);
      if (oldest === undefined) return undefined;
      this.#rows.delete(oldest[0]);
    }
    const row = { failures: 0, failedAt: this.#now(), waiting: 0, last: Promise.resolve() };
    this.#rows.set(network, row);
    return row;
  }

  #forget(): void {
    const limit = this.#now() - this.#forgetMs;
    for (const [network, { failedAt, waiting }] of this.#rows) {
      if (failedAt > limit) return;
      if (waiting === 0) this.#rows.delete(network);
    }
  }
}
