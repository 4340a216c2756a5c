/** Work on the disk that nobody waits for: one job after the other, in order, and not at once, so that it does not stand in the way of a reply. */
export class Jobs {
  readonly #delayMs: number;
  readonly #failed: (error: unknown) => void;
  readonly #waiting: (() => Promise<void>)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;

  /** @param failed is told what a job throws; the jobs behind it are done all the same */
  constructor(delayMs: number, failed: (error: unknown) => void) {
    this.#delayMs = delayMs;
    this.#failed = failed;
  }

  push(job: () => Promise<void>): void {
    this.#waiting.push(job);
    if (this.#working === undefined) this.#timer ??= setTimeout(this.#start, this.#delayMs);
  }

  /** Does everything that waits, and what is added meanwhile. */
  async done(): Promise<void> {
    while (this.#working !== undefined || this.#waiting.length > 0) {
      this.#start();
      await this.#working;
    }
  }

  readonly #start = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#working ??= this.#work();
  };

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      try {
        await job();
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#working = undefined;
  }
}
