import { exec } from "./exec-run.ts";
import { runSurroundings } from "./run-streams.ts";

/** Runs `exec` with the streams of this process. Returns the exit code, or "help" when that is to be shown. */
export async function execInProcess(argv: readonly string[]): Promise<number | "help"> {
  return exec(argv, runSurroundings());
}
