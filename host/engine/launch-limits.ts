import type { Launch } from "../exec/run.ts";
import type { Operation } from "../project/types.ts";
import type { EngineSettings } from "./rooms.ts";
import type { OutputLimits } from "./run-output.ts";

function bounded(value: number | undefined, fallback: number, max: number): number {
  return value === undefined ? fallback : Math.min(value, max);
}

/**
 * How long a program may run, and how much of its output is kept for a client that does not stream.
 * @param askedSeconds by the caller; it only shortens
 */
export function launchLimits(
  { timeoutSeconds, maxStdoutBytes, maxStderrBytes }: Operation,
  settings: EngineSettings,
  askedSeconds: number | undefined,
): Pick<Launch, "timeoutMs" | "graceMs" | "maxStdoutBytes" | "maxStderrBytes"> {
  const timeoutMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1_000;
  const allowedMs = bounded(timeoutMs, settings.defaultTimeoutMs, settings.maxTimeoutMs);
  return {
    timeoutMs: askedSeconds === undefined ? allowedMs : Math.min(allowedMs, askedSeconds * 1_000),
    graceMs: settings.graceMs,
    maxStdoutBytes: bounded(maxStdoutBytes, settings.maxStdoutBytes, settings.maxOutputBytes),
    maxStderrBytes: bounded(maxStderrBytes, settings.maxStderrBytes, settings.maxOutputBytes),
  };
}

/** What stands in a stream of files beside their content: for each a header with its name, padding and sums; a beginning and an end. */
const STREAM_BYTES_PER_FILE = 16_384;
const STREAM_BYTES = 4_194_304;

/** Bytes of standard input that an operation takes. A transfer's policy says itself how much may come. */
export function mostInput({ machine, maxStdinBytes }: Operation, settings: EngineSettings): number {
  if (machine?.transfer === undefined) return Math.min(maxStdinBytes ?? settings.maxStdinBytes, settings.maxStdinBytes);
  const { maxBytes, maxFiles } = machine.transfer;
  return maxBytes + maxFiles * STREAM_BYTES_PER_FILE + STREAM_BYTES;
}

/** What an operation itself lets out, whoever reads it. */
export function outputLimits(
  { maxStdoutBytes, maxStderrBytes }: Operation,
  { maxOutputBytes }: EngineSettings,
): OutputLimits {
  const limit = (own: number | undefined): number | undefined =>
    own === undefined ? undefined : Math.min(own, maxOutputBytes);
  return { stdout: limit(maxStdoutBytes), stderr: limit(maxStderrBytes) };
}
