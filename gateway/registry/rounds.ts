import { setMaxListeners } from "node:events";
/**
 * Work that is done again and again, in rounds that never overlap. Between the ends of two lies half an interval to one and a half, by chance, so that
 * gateways that were started together do not stay together.
 */
export class Rounds {
  readonly #work: (signal: AbortSignal) => Promise<void>;
  readonly #intervalMs: () => number;
  readonly #random: () => number;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStarted = false;
  /** Asked for while one was running. */
  #isWanted = false;

  /**
   * @param work never rejects
   * @param random from 0 to 1
   */
  constructor(
    work: (signal: AbortSignal) => Promise<void>,
    intervalMs: () => number,
    random: () => number = Math.random,
  ) {
    // Everybody who is asked in a round waits for it.
    setMaxListeners(0, this.#stopped.signal);
    this.#work = work;
    this.#intervalMs = intervalMs;
    this.#random = random;
  }

  /** The first round begins now. Waiting for the next does not keep the process alive. */
  start(): void {
    this.#isStarted = true;
    this.soon();
  }

  /** One more round, now or right behind the one that is running; before the start, none. */
  soon(): void {
    if (!this.#isStarted || this.#stopped.signal.aborted) return;
    if (this.#running === undefined) void this.run();
    else this.#isWanted = true;
  }

  /** A round now, or the one that is running: resolves at its end. */
  async run(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#running ??= this.#work(this.#stopped.signal).finally(() => {
      this.#running = undefined;
      this.#plan();
    });
    await this.#running;
  }

  /** Ends what is running, and begins nothing more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #plan(): void {
    if (!this.#isStarted || this.#stopped.signal.aborted) return;
    const wait = this.#isWanted ? 0 : this.#intervalMs() * (0.5 + this.#random());
    this.#isWanted = false;
    // Timers hold 31 bits.
    this.#timer = setTimeout(() => void this.run(), Math.min(wait, 2_147_483_647)).unref();
  }
}
