import { closeSync, constants, lstatSync, openSync, unlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { withLock } from "../util/lock.ts";
import { closed, listening } from "./server.ts";
import { isServed, MAX_SOCKET_PATH } from "./unix.ts";

/** Held for as long as a daemon serves a base directory. The kernel gives it up with the process, so it is never stale for long. */
export interface BaseLock {
  release(): Promise<void>;
}

/** A path under which a socket can be bound however long the directory's name is: through a handle of the directory. */
function shortPath(path: string): { readonly path: string; readonly done: () => void } {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH || process.platform !== "linux") return { path, done: () => undefined };
  const descriptor = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    path: `/proc/self/fd/${descriptor}/${basename(path)}`,
    done: () => {
      closeSync(descriptor);
    },
  };
}

/**
 * Makes sure that one daemon at most serves a base directory.
 * @throws CodedError `daemon_already_running`
 */
export async function lockBase(root: string, lockSocket: string): Promise<BaseLock> {
  const short = shortPath(lockSocket);
  // The short lock keeps two starting daemons from both finding the old socket dead.
  return withLock(root, async () => {
    if (lstatSync(lockSocket, { throwIfNoEntry: false }) !== undefined) {
      if (await isServed(short.path)) {
        short.done();
        throw new CodedError("daemon_already_running", `another daemon serves ${printable(root)}`);
      }
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
  });
}
