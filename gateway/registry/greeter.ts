import { setMaxListeners } from "node:events";
import type { Pinger } from "./pinger.ts";

/** Pings machines that have just come, at once, and not at the next round of pings. */
export class Greeter {
  readonly #pinger: Pick<Pinger, "ping">;
  readonly #stopped = new AbortController();

  constructor(pinger: Pick<Pinger, "ping">) {
    this.#pinger = pinger;
    // As many may be asked at the same time as there are targets.
    setMaxListeners(0, this.#stopped.signal);
  }

  /** Its answer, or its silence, is noted in the registry. */
  greet(target: string): void {
    this.#pinger.ping(target, this.#stopped.signal).catch(() => undefined);
  }

  stop(): void {
    this.#stopped.abort();
  }
}
