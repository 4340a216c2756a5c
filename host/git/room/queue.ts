import { setTimeout } from "node:timers/promises";
import type { Steps } from "./steps.ts";

const LOOK_EVERY_MS = 20;

/** Lets one job after the other work on the same thing. */
export class Queue {
  readonly #busy = new Map<string, Promise<void>>();

  /** Runs `work` when nobody else works on `key`. Waiting ends with the job's own time. @throws Ended */
  async inTurn<T>(key: string, steps: Pick<Steps, "checkpoint">, work: () => Promise<T>): Promise<T> {
    for (let other = this.#busy.get(key); other !== undefined; other = this.#busy.get(key)) {
      await Promise.race([other, setTimeout(LOOK_EVERY_MS)]);
      steps.checkpoint();
    }
    const result = work();
    this.#busy.set(
      key,
      result.then(
        () => undefined,
        () => undefined,
      ),
    );
    try {
      return await result;
    } finally {
      this.#busy.delete(key);
    }
  }
}
