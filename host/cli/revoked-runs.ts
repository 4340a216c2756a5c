import { CodedError } from "../../wire/errors.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { removeSessionRuns } from "../util/session-runs.ts";

/** What is said of the runs that were kept for tokens which have ended; nothing when there were none. */
export interface RevokedRuns {
  /** In lines. */
  readonly human: string;
  readonly json: { readonly runs_removed?: number };
  /** In lines, for standard error: what could not be removed. The tokens have ended all the same. */
  readonly stderr: string;
}

/** Removes what is kept of the runs of tokens that were revoked: nobody but the owner of the host could read it any more. */
export function removeRevokedRuns({ runs }: BaseDirectory, hashes: readonly string[]): RevokedRuns {
  let removed = 0;
  let stderr = "";
  for (const hash of hashes) {
    try {
      removed += removeSessionRuns(runs, hash);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      stderr += `${error.message}\n${error.hint}\n`;
    }
  }
  if (removed === 0) return { human: "", json: {}, stderr };
  const what = removed === 1 ? "the output of 1 run" : `the outputs of ${removed} runs`;
  return { human: `Removed ${what}.\n`, json: { runs_removed: removed }, stderr };
}
