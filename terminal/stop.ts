/** Signals that end a call, and the exit codes that say so. */
const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

/** Where signals of this process come from. */
export interface Signals {
  on(name: (typeof SIGNALS)[number][0], listener: () => void): unknown;
}

/** Why a call is ended from our side, and with which exit code. The first reason counts; a signal behind it ends everything at once. */
export class Stop {
  readonly #controller = new AbortController();
  #exit: number | undefined;
  /** The exit code, once a signal says that nothing is to be waited for any more. */
  readonly atOnce: Promise<number>;

  constructor(signals: Signals) {
    this.atOnce = new Promise((resolve) => {
      for (const [name, exit] of SIGNALS) {
        signals.on(name, () => {
          if (this.#exit === undefined) this.stop(exit);
          else resolve(exit);
        });
      }
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Undefined as long as nothing ends the call. */
  get exit(): number | undefined {
    return this.#exit;
  }

  stop(exit: number): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    this.#controller.abort();
  }
}
