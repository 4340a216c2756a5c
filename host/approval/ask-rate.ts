import { CodedError } from "../../wire/errors.ts";
import type { Clock } from "../util/deadline.ts";
import { Window } from "../util/window.ts";

/** How often one session may ask for what nobody then allows. */
const RATE = { runs: 30, perMs: 60_000 };

/**
 * How often sessions ask a person. Every question starts a notification and calls webhooks; a client that asks and withdraws again and again would keep
 * the host busy and the person from seeing anything else, however few wait at the same time.
 */
export class AskRate {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param session its key
   * @returns takes it back, for a question that was worth it
   * @throws CodedError `rate_limited`
   */
  take(session: string): () => void {
    const window = this.#windows.get(session) ?? new Window(this.#clock, RATE);
    const seconds = Math.ceil(window.waitMs / 1_000);
    if (seconds > 0)
      throw new CodedError(
        "rate_limited",
        `this session has asked a person ${RATE.runs} times within ${RATE.perMs / 1_000} s for what nobody allowed; it may ask again in ${seconds} s`,
        { hint: `Call again in ${seconds} s, and only for what is needed.` },
      );
    this.#windows.set(session, window);
    return window.take();
  }

  /** Of sessions that are no more. */
  forget(isSession: (key: string) => boolean): void {
    for (const key of this.#windows.keys()) if (!isSession(key)) this.#windows.delete(key);
  }
}
