/** Turns in which the other end may be silent: three times the interval. */
const SILENT_TURNS = 6;

/**
 * Says something when nothing was said for an interval, and notices when nothing was heard for three. It counts its own turns instead of
 * looking at a clock, so a process that stood still first looks at what came meanwhile.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #saidBefore = 0;
  #heardBefore = 0;

  constructor(intervalMs: number, on: { readonly ping: () => void; readonly dead: () => void }) {
    this.#timer = setInterval(() => {
      this.#heardBefore++;
      this.#saidBefore++;
      if (this.#heardBefore > SILENT_TURNS) on.dead();
      else if (this.#saidBefore >= 2) on.ping();
    }, intervalMs / 2).unref();
  }

  said(): void {
    this.#saidBefore = 0;
  }

  heard(): void {
    this.#heardBefore = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
