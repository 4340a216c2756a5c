/**
 * A signal for one piece of work: aborted when another signal is, or when a time is over. Call `end` when the work has ended. Not `AbortSignal.any`:
 * Node 20 keeps something of each combination for as long as the older signal lives, which here is as long as the gateway.
 */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  constructor(outer: AbortSignal, ms: number) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#controller.abort();
    }, ms);
    outer.addEventListener("abort", this.#give);
    if (outer.aborted) this.#give();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time was over before the work was. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What `work` comes to, unless the signal is aborted before: then it rejects at once, whatever the work does. */
  async race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const give = (): void => {
        reject(new Error("given up"));
      };
      this.signal.addEventListener("abort", give, { once: true });
      if (this.signal.aborted) give();
      work.then(resolve, reject);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#give);
  }

  readonly #give = (): void => {
    this.#controller.abort();
  };
}
