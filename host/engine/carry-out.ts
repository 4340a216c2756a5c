import { CodedError } from "../../wire/errors.ts";
import type { Live, OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import { NO_OUTPUT, type Captured, type Completed, type Failed, type Filtered } from "../../wire/outcome.ts";
import type { OutputDigests } from "../audit/audit.ts";
import { Capture } from "../exec/capture.ts";
import type { RunResult } from "../exec/run.ts";
import { OutputFilter } from "../filter/output-filter.ts";
import type { Masking } from "../redact/redaction.ts";
import type { ActiveRun } from "../runs/runs.ts";
import type { ClearedPlan } from "./clear.ts";
import { failedBy, maskedOutcome, outcomeOfRun } from "./ending.ts";
import { OutputDigest } from "./output-digest.ts";
import type { Plan } from "./plan.ts";
import type { Rooms } from "./rooms.ts";
import { limitedInput } from "./run-input.ts";
import { RunOutput } from "./run-output.ts";

/** Who watches a run, and what they want of it. */
export interface Watching {
  /** The client, when it is there while the operation runs. */
  readonly live: Live | undefined;
  readonly isFiltered: boolean;
  readonly masking: Masking;
}

export interface Carried {
  readonly outcome: Completed | Failed;
  readonly filtered: Filtered | undefined;
  /** Of what was let out. */
  readonly digests: OutputDigests | undefined;
}

/** What is kept for the reply: of what is let out, not of what the program wrote. */
function captureFor(plan: Plan): Readonly<Record<StreamName, Capture>> {
  const { maxStdoutBytes, maxStderrBytes } = plan.work.launch;
  return { stdout: new Capture(maxStdoutBytes), stderr: new Capture(maxStderrBytes) };
}

/** Files that are read from a machine are not kept there a second time, by the agent's user. What is said about them is. */
function onlyErrors(output: OutputSink): OutputSink {
  return {
    write: (stream, bytes): Promise<void> | undefined =>
      stream === "stderr" ? output.write(stream, bytes) : undefined,
  };
}

/** A program that succeeded gets its output file moved into place; of any other nothing appears. */
function finishOutput(plan: Plan, outcome: Completed | Failed): Completed | Failed {
  const { output } = plan.files;
  if (output === undefined || outcome.kind === "failed" || outcome.exitCode !== 0) return outcome;
  try {
    output.finalize();
    return outcome;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return failedBy(error, outcome);
  }
}

/**
 * Runs a plan to its end, and hands its output to everybody who wants it while it comes.
 * @param stop aborts with an `EndReason`
 */
export async function carryOut(
  rooms: Pick<Rooms, "execute">,
  { plan, stdin }: ClearedPlan,
  run: ActiveRun,
  stop: AbortController,
  { live, isFiltered, masking }: Watching,
): Promise<Carried> {
  const { filter, output: form } = plan.operation;
  const filtering = isFiltered && filter !== undefined ? new OutputFilter(filter, form) : undefined;
  const digest = new OutputDigest();
  const sinks: OutputSink[] = [
    plan.operation.machine?.transfer?.direction === "pull" ? onlyErrors(run.output) : run.output,
    digest,
  ];
  const kept = live === undefined ? captureFor(plan) : undefined;
  if (live !== undefined) sinks.push(live.output);
  if (filtering !== undefined)
    sinks.push({
      write: (stream, bytes) => {
        if (stream === "stdout") filtering.write(bytes);
        return undefined;
      },
    });
  const output = new RunOutput(plan.outputLimits, sinks, masking, kept, plan.operation.keep);
  const input =
    stdin === undefined
      ? undefined
      : limitedInput(stdin, plan.maxStdinBytes, () => {
          stop.abort("stdin_too_large");
        });
  /** What of a stream goes into the reply, and how much of it the program wrote. */
  const taken = (stream: StreamName, captured: Captured): Captured => {
    const { bytes, truncated } = kept?.[stream].result() ?? NO_OUTPUT;
    return {
      bytes,
      total: Math.max(captured.total, output.total(stream)),
      truncated: truncated || captured.truncated || output.isCut(stream),
    };
  };
  /** What was written before the machinery failed: counted, not kept. */
  const gone = (stream: StreamName): Captured => ({
    ...NO_OUTPUT,
    total: output.total(stream),
    truncated: output.isCut(stream),
  });
  try {
    const result: RunResult = await rooms.execute(plan.work, stop.signal, {
      output,
      stdin: input,
      keep: false,
    });
    output.end();
    const [stdout, stderr] = [taken("stdout", result.stdout), taken("stderr", result.stderr)];
    const finished = finishOutput(plan, outcomeOfRun({ ...result, stdout, stderr }, plan.notice));
    const outcome = maskedOutcome(finished, output.redacted, masking);
    const isWell = outcome.kind === "completed" && outcome.exitCode === 0;
    return { outcome, filtered: isWell ? filtering?.result() : undefined, digests: digest.result() };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    output.end();
    const failure = failedBy(error, { stdout: gone("stdout"), stderr: gone("stderr") });
    const outcome = maskedOutcome(failure, output.redacted, masking);
    return { outcome, filtered: undefined, digests: digest.result() };
  } finally {
    input?.destroy();
    plan.files.discard();
  }
}
