import { PassThrough } from "node:stream";
import type { DaemonCalls } from "../../wire/daemon-calls.ts";
import { CodedError } from "../../wire/errors.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import type { Links } from "../../transfer/walk.ts";
import type { Progress, TransferOutcome } from "../../transfer/outcome.ts";
import { send } from "../../transfer/send.ts";
import { failureOf, OWN_LIMITS, ReportText, sumIn, type Notices } from "./fleet-transfer.ts";

/** Between reading files and the connection. */
const BUFFER_BYTES = 1_048_576;

export interface Push {
  readonly target: string;
  readonly client: Pick<DaemonCalls, "stream">;
  readonly operation: string;
  /** A real path of this machine. */
  readonly path: string;
  /** Of the directory that it lies in, or of itself. */
  readonly root: string;
  /** Absolute, on the machine. */
  readonly remotePath: string;
  readonly merge: boolean;
  readonly links: Links;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly notices: Notices;
}

/** Aborts when one of two does. */
function either(signal: AbortSignal): AbortController {
  const both = new AbortController();
  if (signal.aborted) both.abort();
  signal.addEventListener("abort", () => {
    both.abort();
  });
  return both;
}

/**
 * Sends a file or a directory to a machine, whose operation puts it in its place: all of it, or nothing.
 * @throws CodedError what either side says; `transfer_invalid` when the machine got something else than was sent
 */
export async function pushFiles(push: Push): Promise<TransferOutcome> {
  const { target, client, operation, path, root, remotePath, merge, links, signal, onProgress, notices } = push;
  const pipe = new PassThrough({ highWaterMark: BUFFER_BYTES });
  const [text, errors] = [new ReportText(), new ReportText()];
  const remote = either(signal);
  const local = either(signal);
  let sending: Promise<TransferOutcome | CodedError> | undefined;
  const begin = async (): Promise<TransferOutcome | CodedError> => {
    try {
      const sent = await send({
        output: pipe,
        roots: [root],
        path,
        limits: OWN_LIMITS,
        links,
        signal: local.signal,
        onProgress,
        onNotice: notices.add,
      });
      pipe.end();
      return sent;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // The end is not sent: it would pass for the whole.
      remote.abort();
      return error;
    }
  };
  let outcome: OutcomeFields;
  try {
    outcome = await client.stream(
      { operation, params: { path: remotePath, ...(merge ? { merge: "merge" } : {}) } },
      {
        stdin: pipe,
        stdinRequired: true,
        signal: remote.signal,
        accepted: () => {
          sending = begin();
        },
        output: {
          write: (stream, bytes) => {
            (stream === "stdout" ? text : errors).take(bytes);
            return undefined;
          },
        },
      },
    );
  } catch (error) {
    local.abort();
    pipe.destroy();
    const sent = await sending;
    // What went wrong on this side is why the other side was told to stop.
    throw sent instanceof CodedError && sent.code !== "cancelled" ? sent : error;
  }
  // It may have ended without reading everything.
  local.abort();
  const { report } = text;
  notices.addReported(report, target);
  const sent = await sending;
  if (sent instanceof CodedError && sent.code !== "cancelled") throw sent;
  const failure = failureOf(outcome, report, errors.lastLine, target);
  if (failure !== undefined) throw failure;
  if (sent === undefined || sent instanceof CodedError || sumIn(report) !== sent.sha256)
    throw new CodedError("transfer_invalid", `${target} says that it has something else than was sent`);
  return sent;
}
