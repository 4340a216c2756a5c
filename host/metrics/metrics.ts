import type { Stats } from "../../wire/schema.ts";
import type { Code } from "../../wire/codes.ts";
import { Histogram } from "./histogram.ts";

/** Of projects and operations that are counted by name; what comes beyond is counted as `other`. */
const MAX_NAMES = 1_000;
const DECISION_BOUNDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1];
const RUN_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60, 300, 1_800];

/** What others know and is only looked at when somebody asks. */
export interface Gauges {
  readonly running: number;
  /** MCP sessions that are open. */
  readonly sessions: number;
  readonly pendingApprovals: number;
}

interface Counter {
  readonly project: string;
  readonly operation: string;
  readonly outcomes: Map<string, number>;
}

/** Counters since the daemon started. Names come from approved configurations only, never from a request. */
export class Metrics {
  readonly #began = performance.now();
  readonly #operations = new Map<string, Counter>();
  readonly #denials = new Map<Code, number>();
  readonly #decisions = new Histogram(DECISION_BOUNDS);
  readonly #runs = new Histogram(RUN_BOUNDS);
  #redactions = 0;
  #auditErrors = 0;

  denied(code: Code): void {
    this.#denials.set(code, (this.#denials.get(code) ?? 0) + 1);
  }

  /** @param outcome `completed` when the program ended well, `exited` when it did not, else the code of the failure */
  ran(project: string, operation: string, outcome: "completed" | "exited" | Code, ms: number): void {
    this.#runs.add(ms / 1_000);
    const { outcomes } = this.#counter(project, operation);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  decidedIn(ms: number): void {
    this.#decisions.add(ms / 1_000);
  }

  redacted(places: number): void {
    this.#redactions += places;
  }

  auditFailed(): void {
    this.#auditErrors += 1;
  }

  /** @param project only its operations; everything else is of all projects */
  stats({ running, sessions, pendingApprovals }: Gauges, project?: string): Stats {
    return {
      uptime_seconds: (performance.now() - this.#began) / 1_000,
      operations: [...this.#operations.values()]
        .filter((counter) => project === undefined || counter.project === project)
        .flatMap(({ project: of, operation, outcomes }) =>
          [...outcomes].map(([outcome, count]) => ({ project: of, operation, outcome, count })),
        ),
      denials: [...this.#denials].map(([code, count]) => ({ code, count })),
      decision_seconds: this.#decisions.fields(),
      run_seconds: this.#runs.fields(),
      running,
      sessions,
      pending_approvals: pendingApprovals,
      redactions: this.#redactions,
      audit_errors: this.#auditErrors,
    };
  }

  #counter(project: string, operation: string): Counter {
    const name = `${project} ${operation}`;
    const known = this.#operations.get(name);
    if (known !== undefined) return known;
    if (this.#operations.size >= MAX_NAMES && project !== "other") return this.#counter("other", "other");
    const counter = { project, operation, outcomes: new Map<string, number>() };
    this.#operations.set(name, counter);
    return counter;
  }
}
