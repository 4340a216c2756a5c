import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  opendirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  type BigIntStats,
} from "node:fs";
import { DirHandleError, type Reach } from "../host/util/dir-handle.ts";
import { OPEN_FILE } from "../host/util/regular-file.ts";
import { IS_BUN } from "../host/util/runtime.ts";
import { errnoOf } from "../wire/errors.ts";
import { bytesOf, shown } from "./names.ts";

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** What systems say of a link or a file, opened as a directory and not to be followed. */
const NO_DIRECTORY = new Set(["ELOOP", "ENOTDIR", "EMLINK"]);
/** What systems say of a link, a socket or a device, opened as a file. */
const NO_FILE = new Set(["ELOOP", "EMLINK", "ENXIO", "ENODEV", "EOPNOTSUPP", "ENOENT"]);
/** Linux: opens without any right to what is opened. */
const O_PATH = 0o10_000_000;
const SET_GROUP = 0o2000;
/** Of a directory until it gets its mode. */
const CLOSED = 0o700;
/** Of a file while it is written. */
const NEW_FILE_MODE = 0o600;

function isSame(one: Pick<BigIntStats, "dev" | "ino">, other: Pick<BigIntStats, "dev" | "ino"> | undefined): boolean {
  return one.ino === other?.ino && one.dev === other.dev;
}

/**
 * A time as the runtimes take it: to the microsecond, and to the millisecond before 1970, since a negative number means now. Node cuts off what is less than
 * a microsecond of a number that is seldom exact.
 */
function timeArgument(ns: bigint): number | Date {
  if (ns < 0n) return new Date(Number((ns - 500_000n) / 1_000_000n));
  const microseconds = Number((ns + 500n) / 1_000n);
  return (IS_BUN ? microseconds : microseconds + 0.25) / 1e6;
}

/** Sets the time of the last change of an open file or directory, and that of the last access to now. */
export function setTime(fd: number, mtimeNs: bigint): void {
  futimesSync(fd, new Date(), timeArgument(mtimeNs));
}

/**
 * An open directory as `DirHandle` (host/util) has it, whose names are bytes (names.ts), with what a transfer needs besides. No link is ever followed.
 * All methods throw system errors; `DirHandleError` where a directory or regular file is expected and something else is found.
 */
export class Directory {
  readonly #path: Buffer;
  readonly #fd: number;
  readonly #reach: Reach;
  /** May be closed before this one. */
  readonly #parent: Directory | undefined;
  readonly #identity: BigIntStats;

  private constructor(path: Buffer, fd: number, reach: Reach, parent: Directory | undefined) {
    this.#path = path;
    this.#fd = fd;
    this.#reach = reach;
    this.#parent = parent;
    this.#identity = fstatSync(fd, { bigint: true });
  }

  /** Opens a directory by its real path; its last part must not be a link. */
  static openRoot(path: string, reach?: Reach): Directory {
    const at = Buffer.from(path);
    const fd = openDirectory(at, at.toString("latin1"));
    const canReach = process.platform === "linux" && existsSync(`/proc/self/fd/${fd}`);
    return new Directory(at, fd, reach ?? (canReach ? "handle" : "path"), undefined);
  }

  /** Opens a directory in this one. */
  sub(name: string): Directory {
    const handle = new Directory(this.#pathOf(name), openDirectory(this.#at(name), name), this.#reach, this);
    try {
      handle.#verify();
      return handle;
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  /** Makes a directory that must not exist, closed to others until its mode is set. */
  make(name: string): Directory {
    mkdirSync(this.#at(name), { mode: CLOSED });
    const handle = this.#subWhateverUmask(name);
    handle.setMode(CLOSED);
    return handle;
  }

  /** Makes a file of mode 0600 that must not exist and opens it for writing; the caller closes the descriptor. */
  createFile(name: string): number {
    return openSync(this.#at(name), CREATE_FILE, NEW_FILE_MODE);
  }

  /** Opens a regular file for reading, without waiting for anybody; the caller closes the descriptor. Looks before, since opening a device can do something. */
  openRegular(name: string): number {
    if (this.stats(name)?.isFile() !== true) throw new DirHandleError("is not a regular file any more");
    let fd: number;
    try {
      fd = openSync(this.#at(name), OPEN_FILE);
    } catch (error) {
      if (NO_FILE.has(errnoOf(error) ?? "")) throw new DirHandleError("was replaced", { cause: error });
      throw error;
    }
    const stats = fstatSync(fd, { bigint: true });
    if (stats.isFile() && (this.#reach === "handle" || isSame(stats, this.stats(name)))) return fd;
    closeSync(fd);
    throw new DirHandleError("was replaced");
  }

  /** What stands at the name, links not followed; undefined when nothing does. */
  stats(name: string): BigIntStats | undefined {
    return lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
  }

  ownStats(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  /** The names in the directory, in the system's order; it may be changed meanwhile. */
  *names(): Generator<string, void> {
    this.#verify();
    const at = this.#reach === "handle" ? `/proc/self/fd/${this.#fd}` : this.#path;
    const directory = opendirSync(at, { encoding: "latin1" });
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry.name;
    } finally {
      directory.closeSync();
    }
  }

  /** Where a symbolic link leads. */
  readLink(name: string): string {
    return readlinkSync(this.#at(name), { encoding: "buffer" }).toString("latin1");
  }

  /** Makes a symbolic link that must not exist. */
  makeLink(name: string, target: string, mtimeNs: bigint): void {
    symlinkSync(bytesOf(target), this.#at(name));
    lutimesSync(this.#at(name), new Date(), timeArgument(mtimeNs));
  }

  /** Moves an entry over whatever stands at the other name, except a directory that is not empty. */
  move(name: string, to: Directory, newName: string): void {
    renameSync(this.#at(name), to.#at(newName));
  }

  /** Gives a file a second name. */
  link(name: string, to: Directory, newName: string): void {
    linkSync(this.#at(name), to.#at(newName));
  }

  removeFile(name: string): void {
    unlinkSync(this.#at(name));
  }

  /** Removes an empty directory. */
  removeDirectory(name: string): void {
    rmdirSync(this.#at(name));
  }

  /** Sets the mode. A setgid bit that is there stays: where it is, what is new has the group of what it is in, and so has what is new in that. */
  setMode(mode: number): void {
    fchmodSync(this.#fd, mode | (fstatSync(this.#fd).mode & SET_GROUP));
  }

  setTime(mtimeNs: bigint): void {
    setTime(this.#fd, mtimeNs);
  }

  /** Sets the time of the last change to now. */
  touch(): void {
    setTime(this.#fd, BigInt(Date.now()) * 1_000_000n);
  }

  /** Waits until the entries are on the disk. */
  sync(): void {
    fsyncSync(this.#fd);
  }

  /** Bytes that may still be written to the file system; undefined when it does not say. */
  freeBytes(): number | undefined {
    this.#verify();
    const { bavail, bsize, blocks } = statfsSync(this.#reach === "handle" ? `/proc/self/fd/${this.#fd}` : this.#path);
    return blocks === 0 ? undefined : bavail * bsize;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Opens a directory that was just made; the umask may have taken even our own rights. */
  #subWhateverUmask(name: string): Directory {
    try {
      return this.sub(name);
    } catch (error) {
      if (errnoOf(error) !== "EACCES" || this.#reach !== "handle") throw error;
      const fd = openSync(this.#at(name), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      try {
        chmodSync(`/proc/self/fd/${fd}`, CLOSED);
      } finally {
        closeSync(fd);
      }
      return this.sub(name);
    }
  }

  #pathOf(name: string): Buffer {
    return Buffer.concat([this.#path, Buffer.from("/"), bytesOf(name)]);
  }

  /** How the system is told of an entry. */
  #at(name: string): Buffer {
    if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
      throw new RangeError(`name must be one part of a path, not ${shown(name)}`);
    if (this.#reach === "handle") return Buffer.from(`/proc/self/fd/${this.#fd}/${name}`, "latin1");
    this.#verify();
    return this.#pathOf(name);
  }

  /** Compares the directory's path, part by part, with what is open. */
  #verify(): void {
    if (this.#reach === "handle") return;
    if (this.#parent !== undefined) this.#parent.#verify();
    const now = lstatSync(this.#path, { bigint: true, throwIfNoEntry: false });
    if (now?.isDirectory() !== true || !isSame(this.#identity, now)) throw new DirHandleError("was replaced");
  }
}

function openDirectory(at: Buffer, name: string): number {
  try {
    return openSync(at, OPEN_DIRECTORY);
  } catch (error) {
    if (!NO_DIRECTORY.has(errnoOf(error) ?? "")) throw error;
    const isLink = lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const what = isLink ? "is a symbolic link, which is not followed" : "is not a directory";
    throw new DirHandleError(`${shown(name)} ${what}`, { cause: error });
  }
}
