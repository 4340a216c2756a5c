import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";

/** For reading: never follows a link, waits for nobody, and takes no terminal. */
export const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** What systems say of a link or a socket, opened as a file. */
const NO_FILE = new Set(["ELOOP", "EMLINK", "ENXIO", "ENODEV", "EOPNOTSUPP"]);

/** A directory or file, or something that should be one, is not what it was or has to be. */
export class DirHandleError extends Error {
  override readonly name = "DirHandleError";
  /** What is wrong, without the path that the message begins with. */
  readonly what: string;

  constructor(what: string, options: { readonly path?: string; readonly cause?: unknown } = {}) {
    const { path, cause } = options;
    super(path === undefined ? what : `${quoted(path)} ${what}`, cause === undefined ? undefined : { cause });
    this.what = what;
  }
}

/** Opens a regular file that is reached as `at` and called `path`; looks before, since opening a device can do something. */
export function openRegular(at: string, path: string): number {
  const before = lstatSync(at, { throwIfNoEntry: false });
  if (before === undefined) throw new DirHandleError("does not exist", { path });
  if (before.isSymbolicLink()) throw new DirHandleError("is a link", { path });
  if (!before.isFile()) throw new DirHandleError("is not a regular file", { path });
  let fd: number;
  try {
    fd = openSync(at, OPEN_FILE);
  } catch (error) {
    const code = errnoOf(error) ?? "";
    if (code === "ENOENT" || NO_FILE.has(code)) throw new DirHandleError("was replaced", { path, cause: error });
    throw error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new DirHandleError("is not a regular file", { path });
}

/** All bytes of an open regular file. Its size is a first guess only: it may grow or shrink while it is read. */
export function readAll(fd: number, path: string, limit: number): Buffer {
  const { size } = fstatSync(fd);
  const tooLarge = (): DirHandleError => new DirHandleError(`is larger than ${limit} bytes`, { path });
  if (size > limit) throw tooLarge();
  let buffer = Buffer.allocUnsafe(size + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > limit) throw tooLarge();
    if (length === buffer.length) buffer = Buffer.concat([buffer], Math.min(2 * length, limit + 1));
  }
}

/** The first bytes of an open file, at most `size`; fewer when it is shorter by now. */
export function readUpTo(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = readSync(fd, bytes, length, size - length, null);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

/**
 * All bytes of the regular file at `path`, whose last part is not followed. Throws `DirHandleError` for anything else and
 * beyond `limit` bytes, and system errors.
 */
export function readBounded(path: string, limit: number): Buffer {
  const fd = openRegular(path, path);
  try {
    return readAll(fd, path, limit);
  } finally {
    closeSync(fd);
  }
}
