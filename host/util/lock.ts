import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import lockfile from "proper-lockfile";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

/**
 * Runs `work` while no other process of ours does so for the same directory. For short work on a store (milliseconds); what must be
 * held for long is held by a bound socket instead (`listen/lock-socket.ts`), which the kernel gives up with the process.
 * @throws CodedError `file_failed` when the lock is not free within about 3 seconds
 */
export async function withLock<T>(directory: string, work: () => T | Promise<T>): Promise<T> {
  try {
    accessSync(directory, constants.W_OK);
  } catch (error) {
    throw new CodedError(
      "file_failed",
      `${printable(directory)}: cannot be locked: ${errnoOf(error) ?? messageOf(error)}`,
      { cause: error },
    );
  }
  let release: () => Promise<void>;
  try {
    release = await lockfile.lock(directory, {
      realpath: false,
      lockfilePath: join(directory, ".lock"),
      stale: 10_000,
      retries: { retries: 60, factor: 1, minTimeout: 50, maxTimeout: 50 },
      onCompromised: () => undefined,
    });
  } catch (error) {
    throw new CodedError(
      "file_failed",
      `${printable(directory)}: another cmd2host command is at work here (${messageOf(error)})`,
      {
        hint: "Try again; if none is running, remove the .lock directory there.",
      },
    );
  }
  try {
    return await work();
  } finally {
    await release().catch(() => undefined); // taken away meanwhile; what the work gave counts
  }
}
