import { constants } from "node:os";

const NAMES = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Keeps signals from ending this process while something is there that has to be removed first. */
export class HeldSignals {
  readonly #handlers: readonly (readonly [(typeof NAMES)[number], () => void])[];
  #exit: number | undefined;

  constructor() {
    this.#handlers = NAMES.map((name) => [name, () => (this.#exit ??= 128 + constants.signals[name])] as const);
    for (const [name, handler] of this.#handlers) process.on(name, handler);
  }

  /** The exit code that says which signal came first; undefined as long as none did. */
  get exit(): number | undefined {
    return this.#exit;
  }

  release(): void {
    for (const [name, handler] of this.#handlers) process.removeListener(name, handler);
  }
}
