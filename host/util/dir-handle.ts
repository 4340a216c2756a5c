import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  type BigIntStats,
} from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";

/** How entries of an open directory are named to the system. */
export type Reach =
  /** Through the handle: what happens to the directory's path meanwhile changes nothing. Needs Linux's /proc. */
  | "handle"
  /**
   * By path, after every directory of the path was compared with the open ones. Somebody who swaps a directory for a link
   * between that comparison and the call still wins; other systems give node no way to close this gap.
   */
  | "path";

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A directory, or something that should be one, is not what it was or has to be. */
export class DirHandleError extends Error {
  override readonly name = "DirHandleError";
}

function reachHere(fd: number): Reach {
  return process.platform === "linux" && existsSync(`/proc/self/fd/${fd}`) ? "handle" : "path";
}

function openDirectory(at: string, path: string): number {
  try {
    return openSync(at, OPEN_DIRECTORY);
  } catch (error) {
    // What systems say of a link or a file, opened as a directory and not to be followed.
    if (!["ELOOP", "ENOTDIR", "EMLINK"].includes(errnoOf(error) ?? "")) throw error;
    const isLink = lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    throw new DirHandleError(`${quoted(path)} is ${isLink ? "a link" : "not a directory"}`, { cause: error });
  }
}

/**
 * An open directory, and what can be done with its entries, none of which is ever followed when it is a link. All methods
 * throw system errors; `DirHandleError` where a directory is expected and something else is found.
 */
export class DirHandle {
  /** For messages, and for programs that are to work in the directory. */
  readonly path: string;
  readonly #fd: number;
  readonly #reach: Reach;
  readonly #parent: DirHandle | undefined;

  private constructor(path: string, fd: number, reach: Reach, parent: DirHandle | undefined) {
    this.path = path;
    this.#fd = fd;
    this.#reach = reach;
    this.#parent = parent;
  }

  /** Opens a directory whose path others cannot change; its last part must not be a link. */
  static open(path: string, reach?: Reach): DirHandle {
    const fd = openDirectory(path, path);
    return new DirHandle(path, fd, reach ?? reachHere(fd), undefined);
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

  /** Makes a file that must not exist and opens it for writing; the caller closes the descriptor. */
  createFile(name: string, mode: number): number {
    return openSync(this.#at(name), CREATE_FILE, mode);
  }

  /** Opens an entry for reading without waiting for anybody; the caller checks what it is, and closes the descriptor. */
  openFile(name: string): number {
    return openSync(this.#at(name), OPEN_FILE);
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
    this.#verify();
    const directory = opendirSync(this.#reach === "handle" ? `/proc/self/fd/${this.#fd}` : this.path);
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry.name;
    } finally {
      directory.closeSync();
    }
  }

  /** Sets the directory's times to now. */
  touch(): void {
    const now = new Date();
    futimesSync(this.#fd, now, now);
  }

  close(): void {
    closeSync(this.#fd);
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
    const [open, now] = [this.ownStats(), lstatSync(this.path, { bigint: true, throwIfNoEntry: false })];
    if (now?.isDirectory() === true && now.ino === open.ino && now.dev === open.dev) return;
    throw new DirHandleError(`${quoted(this.path)} was replaced`);
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
