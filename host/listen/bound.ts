import { readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { errnoOf } from "../../wire/errors.ts";

/** Bit of a listening socket in the flags of /proc/net/unix; a datagram socket takes what comes without it. */
const ACCEPTS = 0x1_0000;
const DATAGRAM = "0002";

/** Whether two paths name one directory. What we may not look at may be the same. */
function isSameDirectory(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })];
    return a.dev === b.dev && a.ino === b.ino;
  } catch (error) {
    return errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR";
  }
}

/** Paths of the sockets that take connections or messages, as the system lists them. */
function servedPaths(): readonly string[] {
  let list: string;
  try {
    list = readFileSync("/proc/net/unix", "utf8");
  } catch {
    return []; // other systems than Linux have no such list
  }
  return [...list.matchAll(/^\S+ \S+ \S+ (\S+) (\S+) \S+ +\S+ (.+)$/gm)].flatMap(([, flags = "0", type, path = ""]) =>
    type === DATAGRAM || (Number.parseInt(flags, 16) & ACCEPTS) !== 0 ? [path] : [],
  );
}

/**
 * True when the system says that something is bound to this path. For Bun, which does not tell apart why it could not connect: it says that nobody is there
 * also when the queue of a living server is full, or when it is a server of another kind.
 */
export function isBound(path: string): boolean {
  return servedPaths().some(
    (other) => basename(other) === basename(path) && isSameDirectory(dirname(other), dirname(path)),
  );
}
