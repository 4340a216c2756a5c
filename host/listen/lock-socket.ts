import { closeSync, constants, lstatSync, openSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { withLock } from "../util/lock.ts";
import { closed, listening } from "./server.ts";
import { isServed, MAX_SOCKET_PATH } from "./unix.ts";

/** Held for as long as a daemon serves a base directory. The kernel gives it up with the process, so it is never stale for long. */
export interface BaseLock {
  release(): Promise<void>;
}

interface ShortPath {
  readonly path: string;
  readonly done: () => void;
}

/** A path under which a socket can be bound however long the directory's name is: through a handle of the directory. */
function shortPath(path: string): ShortPath {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH || process.platform !== "linux")
    return { path, done: () => undefined };
  const descriptor = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  let open = true;
  return {
    path: `/proc/self/fd/${descriptor}/${basename(path)}`,
    done: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/**
 * Makes sure that one daemon at most serves a base directory.
 * @throws CodedError `daemon_already_running`, `listen_failed`, `file_failed`
 */
export async function lockBase(root: string, lockSocket: string): Promise<BaseLock> {
  const short = shortPath(lockSocket);
  try {
    // The short lock keeps two starting daemons from both finding the old socket dead.
    return await withLock(root, async () => bindLock(root, lockSocket, short));
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

async function bindLock(root: string, lockSocket: string, short: ShortPath): Promise<BaseLock> {
  if (lstatSync(lockSocket, { throwIfNoEntry: false }) !== undefined) {
    if (await isServed(short.path))
      throw new CodedError("daemon_already_running", `another daemon serves ${printable(root)}`);
    unlinkSync(lockSocket);
  }
  const previous = process.umask(0o177);
  const pending = listening(
    { path: short.path },
    `lock ${lockSocket}`,
    (socket) => {
      socket.destroy();
    },
    () => ({ transport: "internal", id: "lock" }),
  );
  process.umask(previous);
  const server = await pending;
  return {
    release: async () => {
      await closed(server);
      short.done();
    },
  };
}
