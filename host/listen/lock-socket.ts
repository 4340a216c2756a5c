import { lstatSync, unlinkSync } from "node:fs";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { withLock } from "../util/lock.ts";
import { shortSocketPath, type ShortSocketPath } from "../util/short-socket-path.ts";
import type { OnConnection } from "./listener.ts";
import { closed, listening } from "./server.ts";
import { isServed } from "./unix.ts";

/**
 * Held for as long as a daemon serves a base directory. The kernel gives it up with the process, so it is never stale for long. It is also the owner's
 * way in: nobody else can open it.
 */
export interface BaseLock {
  release(): Promise<void>;
}

/**
 * Makes sure that one daemon at most serves a base directory.
 * @param onConnection for the connections of the owner, until the lock is released
 * @throws CodedError `daemon_already_running`, `listen_failed`, `file_failed`
 */
export async function lockBase(root: string, lockSocket: string, onConnection: OnConnection): Promise<BaseLock> {
  const short = shortSocketPath(lockSocket);
  try {
    // The short lock keeps two starting daemons from both finding the old socket dead.
    return await withLock(root, async () => bindLock(root, lockSocket, short, onConnection));
  } catch (error) {
    short.done();
    if (error instanceof CodedError) throw error;
    throw new CodedError(
      "listen_failed",
      `${printable(lockSocket)}: cannot be replaced: ${errnoOf(error) ?? messageOf(error)}`,
      { cause: error },
    );
  }
}

async function bindLock(
  root: string,
  lockSocket: string,
  short: ShortSocketPath,
  onConnection: OnConnection,
): Promise<BaseLock> {
  if (lstatSync(lockSocket, { throwIfNoEntry: false }) !== undefined) {
    if (await isServed(short.path))
      throw new CodedError("daemon_already_running", `another daemon serves ${printable(root)}`);
    unlinkSync(lockSocket);
  }
  const previous = process.umask(0o177);
  const pending = listening({ path: short.path }, `lock ${lockSocket}`, onConnection, () => ({
    transport: "owner",
    id: "owner",
  }));
  process.umask(previous);
  const server = await pending;
  return {
    release: async () => {
      await closed(server);
      short.done();
    },
  };
}
