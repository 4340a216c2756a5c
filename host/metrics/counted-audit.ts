import type { Audit, Decision, Ending } from "../audit/audit.ts";
import type { Metrics } from "./metrics.ts";

/** An audit whose records are counted on their way. */
export class CountedAudit implements Audit {
  readonly #audit: Audit;
  readonly #metrics: Metrics;
  /** Operations that were permitted and have not ended. */
  readonly #open = new Map<string, { readonly project: string; readonly operation: string }>();

  constructor(audit: Audit, metrics: Metrics) {
    this.#audit = audit;
    this.#metrics = metrics;
  }

  decided(decision: Decision): void {
    if (decision.verdict === "deny") this.#metrics.denied(decision.code ?? "internal");
    this.#counted(() => {
      this.#audit.decided(decision);
    });
    const { id, project, operation, route, verdict } = decision;
    const runs = route === "mcp" || route === "raw_argv";
    if (verdict === "permit" && runs && project !== undefined && operation !== undefined)
      this.#open.set(id, { project, operation });
  }

  ended(ending: Ending): void {
    const of = this.#open.get(ending.id);
    this.#open.delete(ending.id);
    this.#metrics.redacted(ending.redacted);
    if (of !== undefined) {
      const outcome = ending.code ?? (ending.exitCode === 0 ? "completed" : "exited");
      this.#metrics.ran(of.project, of.operation, outcome, ending.durationMs);
    }
    this.#counted(() => {
      this.#audit.ended(ending);
    });
  }

  #counted(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#metrics.auditFailed();
      throw error;
    }
  }
}
