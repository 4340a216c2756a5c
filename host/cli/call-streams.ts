import { isatty } from "node:tty";
import { ownStreams, type Pipes } from "../../terminal/own-streams.ts";
import { workingDirectory } from "../../wire/checkout.ts";
import { IS_BUN } from "../util/runtime.ts";
import { blockingInput, blockingOutput } from "./blocking-streams.ts";
import { call, type CallSurroundings } from "./call-run.ts";
import { styleFor } from "./style.ts";

/** The streams of this process, for `call`. */

const USUAL_COLUMNS = 80;

/** Bun's sockets neither read a pipe nor wait until one can be written to. */
const BUN_PIPES: Pipes = { output: blockingOutput, input: () => blockingInput(0) };

/** What `call` gets of this process. */
export function callSurroundings(): CallSurroundings {
  const { env: environment } = process;
  const streams = ownStreams(IS_BUN ? BUN_PIPES : undefined);
  // Not asked of process.stdout, which would be made, and mark a pipe, by asking.
  const canShow = isatty(2) && !isatty(1);
  const mayShow = styleFor(canShow, environment) !== styleFor(false, environment);
  return {
    environment,
    cwd: workingDirectory(),
    ...streams,
    // A terminal that does not say how wide it is says 0.
    statusColumns: mayShow ? (process.stderr.columns > 0 ? process.stderr.columns : USUAL_COLUMNS) : undefined,
    signals: process,
  };
}

/** Runs `call` with the streams of this process. Returns the exit code, or "help" when that is to be shown. */
export async function callInProcess(argv: readonly string[]): Promise<number | "help"> {
  return call(argv, callSurroundings());
}
