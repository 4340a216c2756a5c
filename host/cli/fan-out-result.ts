import type { OutcomeFields } from "../../wire/schema.ts";
import type { CodedError } from "../../wire/errors.ts";
import type { Kept } from "./fan-out-keep.ts";

/** How a command came out on one target. `exit`: it ran to its end, which was not 0. */
export const RESULTS = ["ok", "exit", "denied", "failed", "not_run"] as const;
export type ResultKind = (typeof RESULTS)[number];

export interface TargetResult {
  readonly target: string;
  readonly kind: ResultKind;
  /** Undefined when no program ended. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly hint: string | undefined;
  readonly runId: string | undefined;
  readonly ms: number;
  readonly stdout: Kept;
  readonly stderr: Kept;
  readonly lastLine: string;
}

/** What came of a target besides how it ended. */
export type Gathered = Pick<TargetResult, "target" | "ms" | "stdout" | "stderr" | "lastLine">;

const NOTHING: Kept = { bytes: Buffer.alloc(0), total: 0 };

/** What a target's outcome means. */
export function resultOf(outcome: OutcomeFields, gathered: Gathered): TargetResult {
  const { exit_code: exitCode, signal, code, message, hint, run_id: runId } = outcome;
  const isOver = outcome.outcome === "completed";
  return {
    ...gathered,
    kind: isOver ? (exitCode === 0 ? "ok" : "exit") : outcome.outcome === "denied" ? "denied" : "failed",
    exitCode: isOver ? exitCode & 0xff : undefined,
    signal,
    code,
    message,
    hint,
    runId,
  };
}

/** What it means that no outcome came. */
export function failure(
  { code, message, hint }: CodedError,
  runId: string | undefined,
  gathered: Gathered,
): TargetResult {
  return { ...gathered, kind: "failed", exitCode: undefined, signal: undefined, code, message, hint, runId };
}

/** A target whose turn did not come. */
export function notRun(target: string): TargetResult {
  return {
    target,
    kind: "not_run",
    exitCode: undefined,
    signal: undefined,
    code: undefined,
    message: undefined,
    hint: undefined,
    runId: undefined,
    ms: 0,
    stdout: NOTHING,
    stderr: NOTHING,
    lastLine: "",
  };
}

/** How many came out how. */
export class Counts {
  readonly #counts = new Map<ResultKind, number>();
  readonly #total: number;

  constructor(total: number) {
    this.#total = total;
  }

  add(kind: ResultKind): void {
    this.#counts.set(kind, this.of(kind) + 1);
  }

  of(kind: ResultKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Of those that were run. */
  get ended(): number {
    return RESULTS.reduce((sum, kind) => sum + (kind === "not_run" ? 0 : this.of(kind)), 0);
  }

  get bad(): number {
    return this.ended - this.of("ok");
  }

  /** `3 of 5 targets: ok 3, exit≠0 1, denied 0, failed 1, not run 0` */
  get words(): string {
    const words = { ok: "ok", exit: "exit≠0", denied: "denied", failed: "failed", not_run: "not run" };
    const counted = RESULTS.map((kind) => `${words[kind]} ${this.of(kind)}`).join(", ");
    return `${this.of("ok")} of ${this.#total} ${this.#total === 1 ? "target" : "targets"}: ${counted}`;
  }
}
