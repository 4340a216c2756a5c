import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readSync,
  type BigIntStats,
} from "node:fs";
import { join } from "node:path";

export type Kind = "directory" | "file" | "link" | "other";

/** A file or directory of the workspace is not what it has to be; the message says what, without the path. */
export class Unfit extends Error {
  override readonly name = "Unfit";
}

const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export function kindOf(stats: Pick<BigIntStats, "isDirectory" | "isFile" | "isSymbolicLink">): Kind {
  if (stats.isDirectory()) return "directory";
  if (stats.isFile()) return "file";
  return stats.isSymbolicLink() ? "link" : "other";
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: Kind;
}

/**
 * An open directory for reading. Entries are reached through the open handle, so that a path that is swapped meanwhile
 * changes nothing. Where the system has no /proc, entries are reached by path and compared with what was opened: there a
 * swap between the two calls shows a wrong file, but never blocks and never reads more than the limit.
 */
export class Folder {
  readonly path: string;
  readonly #fd: number;
  readonly #base: string;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    const handle = `/proc/self/fd/${fd}`;
    this.#base = process.platform === "linux" && existsSync(handle) ? handle : path;
  }

  /** Opens a directory that the owner of the host named; links in its path are the owner's. Throws system errors. */
  static openRoot(path: string): Folder {
    return new Folder(path, openSync(path, OPEN_FOLDER));
  }

  /** Opens a directory in this one. Throws `Unfit` for anything else, links included, and system errors. */
  open(name: string): Folder {
    const before = this.stats(name);
    if (before?.isDirectory() !== true) throw new Unfit("is not a directory");
    const fd = openSync(this.#at(name), OPEN_FOLDER | constants.O_NOFOLLOW);
    const folder = new Folder(join(this.path, name), fd);
    const opened = folder.ownStats();
    if (opened.ino === before.ino && opened.dev === before.dev) return folder;
    folder.close();
    throw new Unfit("changes while it is read");
  }

  ownStats(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  /** What the name stands for, without following it; undefined when there is nothing. */
  stats(name: string): BigIntStats | undefined {
    return lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
  }

  /** All bytes of a regular file. Throws `Unfit` for anything else and beyond `limit` bytes, and system errors. */
  read(name: string, limit: number): Buffer {
    return readBounded(this.#at(name), limit);
  }

  /** The entries, in the system's order. Throws `Unfit` when there are more than `limit`. */
  entries(limit: number): FolderEntry[] {
    const found: FolderEntry[] = [];
    const directory = opendirSync(this.#base);
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (found.length >= limit) throw new Unfit(`has more than ${limit} entries`);
        found.push({ name: entry.name, kind: this.#kind(entry.name, kindOf(entry)) });
      }
    } finally {
      directory.closeSync();
    }
    return found;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Some file systems do not tell the kind in a listing. */
  #kind(name: string, listed: Kind): Kind {
    if (listed !== "other") return listed;
    const stats = this.stats(name);
    return stats === undefined ? "other" : kindOf(stats);
  }

  #at(name: string): string {
    return join(this.#base, name);
  }
}

/** All bytes of the regular file at `path`, whose last part is not followed; throws like `Folder.read`. */
export function readBounded(path: string, limit: number): Buffer {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new Unfit("does not exist");
  if (stats.isSymbolicLink()) throw new Unfit("is a link");
  if (!stats.isFile()) throw new Unfit("is not a regular file");
  const fd = openSync(path, OPEN_FILE);
  try {
    const opened = fstatSync(fd);
    if (!opened.isFile()) throw new Unfit("is not a regular file");
    if (opened.size > limit) throw new Unfit(`is larger than ${limit} bytes`);
    return readAll(fd, opened.size, limit);
  } finally {
    closeSync(fd);
  }
}

/** The size is a first guess only: the file may grow or shrink while it is read. */
function readAll(fd: number, size: number, limit: number): Buffer {
  let buffer = Buffer.allocUnsafe(size + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > limit) throw new Unfit(`is larger than ${limit} bytes`);
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, limit + 1));
  }
}
