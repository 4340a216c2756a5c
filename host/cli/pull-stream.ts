import { PassThrough } from "node:stream";
import type { DaemonCalls } from "../../wire/daemon-calls.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Progress, TransferOutcome } from "../../transfer/outcome.ts";
import { receive } from "../../transfer/receive.ts";
import { failureOf, OWN_LIMITS, ReportText, type Notices } from "./fleet-transfer.ts";

/** Between the connection and writing files. */
const BUFFER_BYTES = 1_048_576;

export interface Pull {
  readonly target: string;
  readonly client: Pick<DaemonCalls, "stream">;
  readonly operation: string;
  /** Absolute, on the machine. */
  readonly remotePath: string;
  /** Absolute; everything before its last part is real. */
  readonly path: string;
  /** A real path that it lies below. */
  readonly root: string;
  /** What a file is called in a directory that is named. */
  readonly name: string;
  readonly merge: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly notices: Notices;
}

/** Hands bytes on, and holds whoever brings them until there is room. */
async function written(pipe: PassThrough, bytes: Buffer): Promise<void> {
  if (pipe.destroyed || pipe.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      pipe.off("drain", go);
      pipe.off("close", go);
      resolve();
    };
    pipe.on("drain", go);
    pipe.on("close", go);
  });
}

/**
 * Takes a file or a directory from a machine: all of it, or nothing. The machine is not trusted: what it sends is held against its checksums, and gets
 * the name that was asked for here.
 * @throws CodedError what either side says
 */
export async function pullFiles(pull: Pull): Promise<TransferOutcome> {
  const { target, client, operation, remotePath, path, root, name, merge, signal, onProgress, notices } = pull;
  const pipe = new PassThrough({ highWaterMark: BUFFER_BYTES });
  pipe.on("error", () => undefined);
  const text = new ReportText();
  const stop = new AbortController();
  signal.addEventListener("abort", () => {
    stop.abort();
  });
  if (signal.aborted) stop.abort();
  const receiving = receive({
    input: pipe,
    roots: [root],
    path,
    limits: OWN_LIMITS,
    name,
    merge,
    signal,
    onProgress,
    onNotice: notices.add,
  }).catch((error: unknown) => {
    if (!(error instanceof CodedError)) throw error;
    // Nothing more is wanted of it.
    stop.abort();
    return error;
  });
  let trouble: CodedError | undefined;
  try {
    const outcome = await client.stream(
      { operation, params: { path: remotePath } },
      {
        signal: stop.signal,
        output: {
          write: (stream, bytes): Promise<void> | undefined => {
            if (stream === "stdout") return written(pipe, Buffer.from(bytes));
            text.take(bytes);
            return undefined;
          },
        },
      },
    );
    notices.addReported(text.report, target);
    trouble = failureOf(outcome, text.report, text.lastLine, target);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    trouble = error;
  }
  // Only of what the machine itself calls whole the end is believed.
  if (trouble === undefined) pipe.end();
  else pipe.destroy(trouble);
  const received = await receiving;
  if (!(received instanceof CodedError) && trouble === undefined) return received;
  throw chosen(received, trouble);
}

/** Of what both sides say, that which came first. */
function chosen(received: TransferOutcome | CodedError, trouble: CodedError | undefined): unknown {
  const isOurs = received instanceof CodedError && received !== trouble && received.code !== "cancelled";
  if (isOurs && (trouble === undefined || trouble.code === "cancelled")) return received;
  return trouble ?? received;
}
