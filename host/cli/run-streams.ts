import { isatty } from "node:tty";
import { ownStreams, type Pipes } from "../../terminal/own-streams.ts";
import { workingDirectory } from "../../wire/checkout.ts";
import { IS_BUN } from "../util/runtime.ts";
import { blockingInput, blockingOutput } from "./blocking-streams.ts";
import type { RunSurroundings } from "./operation-run.ts";
import { styleFor } from "./style.ts";

/** The streams of this process, for a command that stands for another one. */

const USUAL_COLUMNS = 80;

/** Bun's sockets neither read a pipe nor wait until one can be written to. */
const BUN_PIPES: Pipes = { output: blockingOutput, input: () => blockingInput(0) };

/** What such a command gets of this process. */
export function runSurroundings(): RunSurroundings {
  const { env: environment } = process;
  const streams = ownStreams(IS_BUN ? BUN_PIPES : undefined);
  // Not asked of process.stdout, which would be made, and mark a pipe, by asking.
  const [stdoutIsTerminal, stderrIsTerminal] = [isatty(1), isatty(2)];
  const mayShow = styleFor(stderrIsTerminal, environment) !== styleFor(false, environment);
  // A terminal that does not say how wide it is says 0.
  const errorColumns = mayShow ? (process.stderr.columns > 0 ? process.stderr.columns : USUAL_COLUMNS) : undefined;
  return {
    environment,
    cwd: workingDirectory(),
    ...streams,
    statusColumns: stdoutIsTerminal ? undefined : errorColumns,
    errorColumns,
    stdoutIsTerminal,
    signals: process,
  };
}
