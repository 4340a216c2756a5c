import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname } from "node:path";

/** Longest path that every system takes for a socket, in bytes. */
export const MAX_SOCKET_PATH = 103;

export interface ShortSocketPath {
  /** The path to bind or connect to. */
  readonly path: string;
  /** Call it when the path is not used any more. */
  readonly done: () => void;
}

/**
 * A path under which a socket can be bound or connected to however long the directory's name is: through a handle of the directory. Other systems
 * than Linux have no such way; there the path stays as it is. Throws system errors when the directory cannot be opened.
 */
export function shortSocketPath(path: string): ShortSocketPath {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH || process.platform !== "linux")
    return { path, done: () => undefined };
  const descriptor = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  let open = true;
  return {
    // Not /proc/self: this is the name under which others find the socket in the list of all.
    path: `/proc/${process.pid}/fd/${descriptor}/${basename(path)}`,
    done: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}
