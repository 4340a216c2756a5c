type Job = () => Promise<void>;

/** How many lanes are worked on at the same time: the system's own pool has four threads. */
const MAX_BUSY = 8;

/**
 * Work on the disk that nobody waits for, and not at once, so that it does not stand in the way of a reply. Jobs of one lane are done one after
 * the other, in order; those of different lanes beside each other.
 */
export class Jobs {
  readonly #delayMs: number;
  readonly #failed: (error: unknown) => void;
  /** What waits, by lane; a lane that is worked on is not in it. */
  readonly #waiting = new Map<string, Job[]>();
  /** What came for lanes that are worked on. */
  readonly #busy = new Map<string, Job[]>();
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  /** @param failed is told what a job throws; the jobs behind it are done all the same */
  constructor(delayMs: number, failed: (error: unknown) => void) {
    this.#delayMs = delayMs;
    this.#failed = failed;
  }

  push(lane: string, job: Job): void {
    const jobs = this.#busy.get(lane) ?? this.#waiting.get(lane);
    if (jobs === undefined) this.#waiting.set(lane, [job]);
    else jobs.push(job);
    if (this.#busy.size === 0) this.#timer ??= setTimeout(this.#start, this.#delayMs);
    else this.#start();
  }

  /** Does everything that waits, and what is added meanwhile. */
  async done(): Promise<void> {
    while (this.#busy.size > 0 || this.#waiting.size > 0) {
      this.#start();
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  readonly #start = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [lane, jobs] of this.#waiting) {
      if (this.#busy.size >= MAX_BUSY) return;
      this.#waiting.delete(lane);
      this.#busy.set(lane, jobs);
      void this.#work(lane, jobs);
    }
  };

  async #work(lane: string, jobs: Job[]): Promise<void> {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      try {
        await job();
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#busy.delete(lane);
    this.#start();
    if (this.#busy.size > 0) return;
    for (const tell of this.#idle.splice(0)) tell();
  }
}
