/** Bytes after which a server is asked whether it has them. */
const STEP = 1_048_576;
/** Bytes that it need not have confirmed. Twice as many may be kept: a write that the socket has half done is kept whole, though the server has confirmed half of it. */
const LIMIT = 4_194_304;

/**
 * What was given to the client of NATS and is not known to be with a server. The client itself takes any amount and keeps what its socket does
 * not take, so whoever sends much waits here.
 */
export class Outflow {
  readonly #flush: () => Promise<void>;
  #unconfirmed = 0;
  #sinceAsked = 0;
  #waiting: (() => void)[] = [];

  /** @param flush resolves when a server has all that was sent before, and rejects when that is not known */
  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  get isFull(): boolean {
    return this.#unconfirmed >= LIMIT;
  }

  sent(bytes: number): void {
    this.#unconfirmed += bytes;
    this.#sinceAsked += bytes;
    if (this.#sinceAsked < STEP) return;
    const asked = this.#sinceAsked;
    this.#sinceAsked = 0;
    const confirmed = (): void => {
      this.#unconfirmed -= asked;
      if (this.isFull) return;
      for (const go of this.#waiting.splice(0)) go();
    };
    // When the server is lost, so is what it did not have.
    this.#flush().then(confirmed, confirmed);
  }

  /** Calls once when there is room again. */
  onRoom(go: () => void): void {
    this.#waiting.push(go);
  }
}
