import { affordable, costOf } from "./messages.ts";

/**
 * What the other end may send, in costs of messages since the beginning. It begins with a window. Whatever was read makes room again; when the
 * other end was held although everything was read at once, the window is doubled, up to a bound: the way there and back is long then.
 */
export class IncomingCredit {
  #window: number;
  readonly #maxWindow: number;
  #granted: number;
  #received = 0;
  #taken = 0;
  #wasHeld = false;

  constructor(window: number, maxWindow: number) {
    this.#window = window;
    this.#maxWindow = Math.max(window, maxWindow);
    this.#granted = window;
  }

  /** A message of data came. False when it was more than allowed. */
  receive(bytes: number, wasHeld: boolean): boolean {
    this.#received += costOf(bytes);
    this.#wasHeld = wasHeld;
    return this.#received <= this.#granted;
  }

  /** A message was handed on. */
  take(bytes: number): void {
    this.#taken += costOf(bytes);
  }

  /** The new total, when that is to be told to the other end now. */
  grant(): number | undefined {
    if (this.#wasHeld && this.#taken === this.#received) {
      this.#wasHeld = false;
      this.#window = Math.min(this.#window * 2, this.#maxWindow);
    }
    const total = this.#taken + this.#window;
    if (total - this.#granted < this.#window / 4) return undefined;
    this.#granted = total;
    return total;
  }
}

/** What we may send: the other half of the same. */
export class OutgoingCredit {
  readonly #chunk: number;
  #granted: number;
  #sent = 0;

  /** @param chunk the most bytes of data in one message */
  constructor(window: number, chunk: number) {
    this.#granted = window;
    this.#chunk = chunk;
  }

  /** How many of `waiting` bytes the next message may have. 0: none now. */
  next(waiting: number): number {
    const bytes = Math.min(waiting, this.#chunk);
    const credit = affordable(this.#granted - this.#sent);
    // Not a small one because credit is short: more comes before the window is used up.
    return credit < Math.min(bytes, this.#chunk / 4) ? 0 : Math.min(bytes, credit);
  }

  spend(bytes: number): void {
    this.#sent += costOf(bytes);
  }

  /** The other end gives more. False when it takes back what it gave. */
  extend(total: number): boolean {
    if (total < this.#granted) return false;
    this.#granted = total;
    return true;
  }
}
