import type { ArgvRequest, DaemonCalls, RunRequest } from "../../wire/daemon-calls.ts";
import { CodedError } from "../../wire/errors.ts";
import { meaningOf } from "./exec-trouble.ts";
import { Keep } from "./fan-out-keep.ts";
import { failure, notRun, resultOf, type TargetResult } from "./fan-out-result.ts";

export interface FanOutOptions {
  readonly request: RunRequest | ArgvRequest;
  readonly on: (target: string) => Pick<DaemonCalls, "stream">;
  readonly concurrency: number;
  /** Bytes of each stream of each target that are kept. */
  readonly keepBytes: number;
  /** True once no further target is to begin. */
  readonly isOver: () => boolean;
  /** Aborting cancels what runs. */
  readonly signal: AbortSignal;
  readonly begun: (target: string) => void;
  /** A promise holds the place of the next one. */
  readonly ended: (result: TargetResult) => Promise<void> | undefined;
}

async function runOn(target: string, { request, on, keepBytes, signal }: FanOutOptions): Promise<TargetResult> {
  const began = performance.now();
  const output = new Keep(keepBytes);
  const gathered = () => ({
    target,
    ms: performance.now() - began,
    stdout: output.of("stdout"),
    stderr: output.of("stderr"),
    lastLine: output.lastLine,
  });
  let runId: string | undefined;
  try {
    const accepted = ({ run_id: id }: { readonly run_id: string }): void => {
      runId = id;
    };
    const outcome = await on(target).stream(request, { output, accepted, signal });
    return resultOf(outcome, gathered());
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return failure(meaningOf(error, runId, target), runId, gathered());
  }
}

/**
 * Runs one command on each target, so many at the same time, in their order. Gives all results in that order; those whose turn did not come are among
 * them.
 */
export async function runOnAll(targets: readonly string[], options: FanOutOptions): Promise<readonly TargetResult[]> {
  const results = new Map<string, TargetResult>();
  const waiting = targets.values();
  const worker = async (): Promise<void> => {
    for (const target of waiting) {
      if (options.isOver()) {
        results.set(target, notRun(target));
        continue;
      }
      options.begun(target);
      const result = await runOn(target, options);
      results.set(target, result);
      await options.ended(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, targets.length) }, worker));
  return targets.map((target) => results.get(target) ?? notRun(target));
}
