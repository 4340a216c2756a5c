import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  type BigIntStats,
  type Dirent,
} from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { DirHandleError, OPEN_FILE, openRegular, readAll } from "./regular-file.ts";

export { DirHandleError, readBounded } from "./regular-file.ts";

/** How entries of an open directory are named to the system. */
export type Reach =
  /** Through the handle: what happens to the directory's path meanwhile changes nothing. Needs Linux's /proc. */
  | "handle"
  /**
   * By path, after every directory of the path was compared with the open ones. Somebody who swaps a directory for a link
   * between that comparison and the call still wins; other systems give node no way to close this gap.
   */
  | "path";

export type Kind = "directory" | "file" | "link" | "other";

export interface DirEntry {
  readonly name: string;
  readonly kind: Kind;
}

const OPEN_ROOT = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;
const OPEN_DIRECTORY = OPEN_ROOT | constants.O_NOFOLLOW;
const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** What systems say of a link or a file, opened as a directory and not to be followed. */
const NO_DIRECTORY = new Set(["ELOOP", "ENOTDIR", "EMLINK"]);

export function kindOf(stats: Pick<BigIntStats, "isDirectory" | "isFile" | "isSymbolicLink">): Kind {
  if (stats.isDirectory()) return "directory";
  if (stats.isFile()) return "file";
  return stats.isSymbolicLink() ? "link" : "other";
}

function reachHere(fd: number): Reach {
  return process.platform === "linux" && existsSync(`/proc/self/fd/${fd}`) ? "handle" : "path";
}

function openDirectory(at: string, path: string): number {
  try {
    return openSync(at, OPEN_DIRECTORY);
  } catch (error) {
    if (!NO_DIRECTORY.has(errnoOf(error) ?? "")) throw error;
    const isLink = lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    throw new DirHandleError(isLink ? "is a link" : "is not a directory", { path, cause: error });
  }
}

/**
 * An open directory, and what can be done with its entries, none of which is ever followed when it is a link. All methods
 * throw system errors; `DirHandleError` where a directory or regular file is expected and something else is found.
 */
export class DirHandle {
  /** For messages, and for programs that are to work in the directory. */
  readonly path: string;
  readonly #fd: number;
  readonly #reach: Reach;
  /** May be closed before this one. */
  readonly #parent: DirHandle | undefined;
  readonly #identity: Pick<BigIntStats, "dev" | "ino">;
  /** Whether the path may end in a link. */
  readonly #isOwners: boolean;

  private constructor(path: string, fd: number, reach: Reach, parent: DirHandle | undefined, isOwners = false) {
    this.path = path;
    this.#fd = fd;
    this.#reach = reach;
    this.#parent = parent;
    this.#identity = fstatSync(fd, { bigint: true });
    this.#isOwners = isOwners;
  }

  /** Opens a directory whose path others cannot change; its last part must not be a link. */
  static open(path: string, reach?: Reach): DirHandle {
    const fd = openDirectory(path, path);
    return new DirHandle(path, fd, reach ?? reachHere(fd), undefined);
  }

  /** Opens a directory that the owner of the host named: links in its path are the owner's, the last part included. */
  static openRoot(path: string, reach?: Reach): DirHandle {
    const fd = openSync(path, OPEN_ROOT);
    return new DirHandle(path, fd, reach ?? reachHere(fd), undefined, true);
  }

  /** Opens a directory in this one. */
  sub(name: string): DirHandle {
    const path = join(this.path, name);
    const handle = new DirHandle(path, openDirectory(this.#at(name), path), this.#reach, this);
    if (this.#reach === "path") handle.#closeUnlessReal();
    return handle;
  }

  /** Makes a directory that must not exist, with exactly this mode whatever the umask. */
  make(name: string, mode: number): DirHandle {
    mkdirSync(this.#at(name), { mode });
    const handle = this.sub(name);
    try {
      fchmodSync(handle.#fd, mode);
    } catch (error) {
      handle.close();
      throw error;
    }
    return handle;
  }

  /** Opens a directory in this one; makes it, with this mode less the umask, when nothing is there. */
  ensure(name: string, mode: number): DirHandle {
    try {
      mkdirSync(this.#at(name), { mode });
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    return this.sub(name);
  }

  /** Gives the directory to an owner; only the system's administrator may. */
  giveTo(uid: bigint, gid: bigint): void {
    fchownSync(this.#fd, Number(uid), Number(gid));
  }

  /** Makes a file that must not exist and opens it for writing; the caller closes the descriptor. */
  createFile(name: string, mode: number): number {
    return openSync(this.#at(name), CREATE_FILE, mode);
  }

  /** Opens an entry for reading without waiting for anybody; the caller checks what it is, and closes the descriptor. */
  openFile(name: string): number {
    return this.#compared(name, openSync(this.#at(name), OPEN_FILE));
  }

  /** The same for a regular file; throws `DirHandleError` for anything else, and when nothing stands there. */
  openRegular(name: string): number {
    return this.#compared(name, openRegular(this.#at(name), join(this.path, name)));
  }

  /** All bytes of a regular file. Throws `DirHandleError` for anything else and beyond `limit` bytes. */
  read(name: string, limit: number): Buffer {
    const fd = this.openRegular(name);
    try {
      return readAll(fd, join(this.path, name), limit);
    } finally {
      closeSync(fd);
    }
  }

  /** What stands at the name, links not followed; undefined when nothing does. */
  stats(name: string): BigIntStats | undefined {
    return lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
  }

  ownStats(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  /** Moves an entry over whatever stands at the other name, except a directory. */
  move(name: string, to: DirHandle, newName: string): void {
    renameSync(this.#at(name), to.#at(newName));
  }

  removeFile(name: string): void {
    unlinkSync(this.#at(name));
  }

  /** Removes an empty directory. */
  removeDirectory(name: string): void {
    rmdirSync(this.#at(name));
  }

  /** The names in the directory, in the system's order; it may be changed meanwhile. */
  *names(): Generator<string, void> {
    for (const { name } of this.#list()) yield name;
  }

  /** The names in the directory and what they stand for, in the system's order. Throws `DirHandleError` beyond `limit`. */
  entries(limit: number): DirEntry[] {
    const found: DirEntry[] = [];
    for (const entry of this.#list()) {
      if (found.length >= limit) throw new DirHandleError(`has more than ${limit} entries`, { path: this.path });
      found.push({ name: entry.name, kind: this.#kind(entry) });
    }
    return found;
  }

  /** Sets the directory's times to now. */
  touch(): void {
    const now = new Date();
    futimesSync(this.#fd, now, now);
  }

  close(): void {
    closeSync(this.#fd);
  }

  *#list(): Generator<Dirent, void> {
    this.#verify();
    const directory = opendirSync(this.#reach === "handle" ? `/proc/self/fd/${this.#fd}` : this.path);
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry;
    } finally {
      directory.closeSync();
    }
  }

  /** Some file systems do not tell the kind in a listing. */
  #kind(entry: Dirent): Kind {
    const listed = kindOf(entry);
    if (listed !== "other") return listed;
    const stats = this.stats(entry.name);
    return stats === undefined ? "other" : kindOf(stats);
  }

  /** An open file, which was reached by path perhaps; closes it unless it is the one that stands at the name. */
  #compared(name: string, fd: number): number {
    if (this.#reach === "handle") return fd;
    try {
      const [open, now] = [fstatSync(fd, { bigint: true }), this.stats(name)];
      this.#verify();
      if (open.ino === now?.ino && open.dev === now.dev) return fd;
      throw new DirHandleError("was replaced", { path: join(this.path, name) });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** How the system is told of an entry. */
  #at(name: string): string {
    if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) {
      throw new RangeError(`name must be one part of a path, not ${quoted(name)}`);
    }
    if (this.#reach === "handle") return `/proc/self/fd/${this.#fd}/${name}`;
    this.#verify();
    return join(this.path, name);
  }

  /** Compares the directory's path, part by part, with what is open. */
  #verify(): void {
    if (this.#reach === "handle") return;
    if (this.#parent !== undefined) this.#parent.#verify();
    const look = { bigint: true, throwIfNoEntry: false } as const;
    const now = this.#isOwners ? statSync(this.path, look) : lstatSync(this.path, look);
    if (now?.isDirectory() === true && now.ino === this.#identity.ino && now.dev === this.#identity.dev) return;
    throw new DirHandleError("was replaced", { path: this.path });
  }

  #closeUnlessReal(): void {
    try {
      this.#verify();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
