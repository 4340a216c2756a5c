import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { Account } from "../util/account.ts";

const MAX_ENTRIES = 1_000_000;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** What became of a directory. `kept`: it was the account's already. */
export type HandedOver = "made" | "given" | "kept";

/** Who may change what a service is made of: root, and whoever this is done as. */
function isOurs({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/**
 * Holds that nobody but root and we could put something else in the place of a path: each directory above it is ours, and closed to others.
 * @throws CodedError `base_unusable`
 */
export function requireOwnWay(path: string): void {
  for (let above = dirname(path); ; above = dirname(above)) {
    const stats = lstatSync(above, { throwIfNoEntry: false });
    const isOpen = stats !== undefined && (stats.mode & OTHERS_WRITE) !== 0 && (stats.mode & STICKY) === 0;
    if (stats !== undefined && (isOpen || !isOurs(stats)))
      throw new CodedError(
        "base_unusable",
        `${printable(above)} ${isOpen ? "can be written by others" : `belongs to user ${stats.uid}`}, who could replace ${printable(path)}`,
        {
          hint: "Choose another directory, or correct the owner and the mode of this one.",
        },
      );
    if (above === dirname(above)) return;
  }
}

/** Everything in a directory that may be given away, the directory itself last. @throws CodedError `base_unusable`, `file_failed` */
function givable(path: string, found: string[] = []): readonly string[] {
  if (found.length >= MAX_ENTRIES)
    throw new CodedError(
      "file_failed",
      `${printable(path)}: more than ${MAX_ENTRIES} files; nothing like this was made by cmd2host`,
    );
  const stats = lstatSync(path);
  const isDirectory = stats.isDirectory();
  // Somebody else could have put it there, or a second name of a file that is not to be given away.
  const isForeign = !isOurs(stats) || (isDirectory && (stats.mode & OTHERS_WRITE) !== 0);
  if (isForeign || (stats.isFile() && stats.nlink > 1))
    throw new CodedError("base_unusable", `${printable(path)} may be of somebody else, so nothing is given away`, {
      hint: `Look at it; then chown -R root: and chmod -R go-w its directory.`,
    });
  if (isDirectory) for (const name of readdirSync(path)) givable(join(path, name), found);
  found.push(path);
  return found;
}

/** Errors of the system, in words. */
function saying<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("file_failed", `${printable(path)}: ${errnoOf(error) ?? "cannot be given away"}`, {
      cause: error,
    });
  }
}

/**
 * Makes a directory the account's own, with mode 0700 when it is made. What root has put there is given with it, links themselves and not what they
 * lead to; a directory that somebody else could write to is refused, since its files would be believed.
 * @throws CodedError `base_unusable`, `file_failed`
 */
export function handOver(directory: string, account: Account): HandedOver {
  requireOwnWay(directory);
  return saying(directory, () => {
    const stats = lstatSync(directory, { throwIfNoEntry: false });
    if (stats === undefined) {
      mkdirSync(dirname(directory), { recursive: true, mode: 0o755 });
      mkdirSync(directory, { mode: 0o700 });
      lchownSync(directory, account.uid, account.gid);
      return "made";
    }
    const wrong = faultOf(stats, account);
    if (wrong !== undefined)
      throw new CodedError("base_unusable", `${printable(directory)} ${wrong}`, {
        hint: `Look at what is in it. When all of it may be believed: stop what uses it, then chown -R root: ${printable(directory)} and chmod go-w ${printable(directory)}.`,
      });
    if (stats.uid === account.uid) return "kept";
    // All of it is looked at first: what is given in part could not be given again.
    for (const path of givable(directory)) lchownSync(path, account.uid, account.gid);
    chmodSync(directory, 0o700);
    return "given";
  });
}

function faultOf(stats: Stats, account: Account): string | undefined {
  if (!stats.isDirectory()) return stats.isSymbolicLink() ? "is a link" : "is no directory";
  if ((stats.mode & OTHERS_WRITE) !== 0) return "can be written by others";
  return stats.uid === account.uid || isOurs(stats) ? undefined : `belongs to user ${stats.uid}`;
}
