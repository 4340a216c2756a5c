import type { Audit, Decision, Ending } from "./audit.ts";

/** The tamper-evident log, and lines of the daemon's log as a second copy in another place. */
export class BothAudits implements Audit {
  readonly #log: Audit;
  readonly #lines: Audit;

  constructor(log: Audit, lines: Audit) {
    this.#log = log;
    this.#lines = lines;
  }

  decided(decision: Decision): void {
    // Nobody is told that something was permitted before it may run.
    if (decision.verdict === "permit") this.#log.decided(decision);
    this.#lines.decided(decision);
    if (decision.verdict === "deny") this.#log.decided(decision);
  }

  ended(ending: Ending): void {
    this.#log.ended(ending);
    this.#lines.ended(ending);
  }
}
