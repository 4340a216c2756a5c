import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

const SESSION_KEY = /^[0-9a-f]{64}$/;
/** A run's files are named by its id, a UUID. */
const RUN_ID_LENGTH = 36;

/**
 * Removes what is kept of a session's runs. Returns how many runs there were.
 * @param runs the directory of all runs
 * @param key the hash of the session's token; for any other text nothing is done
 * @throws CodedError `file_failed`
 */
export function removeSessionRuns(runs: string, key: string): number {
  if (!SESSION_KEY.test(key)) return 0;
  const directory = join(runs, key);
  try {
    const ids = new Set(readdirSync(directory).map((name) => name.slice(0, RUN_ID_LENGTH)));
    // A daemon may be writing there.
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    return ids.size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw new CodedError(
      "file_failed",
      `${printable(directory)}: cannot be removed: ${errnoOf(error) ?? "unknown error"}`,
      { hint: "Remove the directory; it holds the outputs of the token's runs.", cause: error },
    );
  }
}
