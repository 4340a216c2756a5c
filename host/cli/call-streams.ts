import { call } from "./call-run.ts";
import { runSurroundings } from "./run-streams.ts";

/** Runs `call` with the streams of this process. Returns the exit code, or "help" when that is to be shown. */
export async function callInProcess(argv: readonly string[]): Promise<number | "help"> {
  return call(argv, runSurroundings());
}
