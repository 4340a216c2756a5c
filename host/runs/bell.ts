/** The longest time that a timer takes. */
const MAX_TIMER_MS = 2_147_483_647;

/** Tells those who wait that something has changed. Who gives up waiting leaves nothing behind. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Until the bell rings, the time is over or the signal aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(ms, MAX_TIMER_MS));
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}
