import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

function refuse(path: string, why: string, hint: string): never {
  throw new CodedError("file_failed", `${printable(path)}: ${why}`, { hint });
}

/**
 * The directory without links, or an error when the way to it leads over one that is not in `/` (as /tmp is on some systems). The file often lies in
 * a workspace, which the container writes: a link there could send the token, and the file that it replaces, anywhere in the owner's home.
 */
function withoutLinks(directory: string): string {
  const [first = "", ...rest] = directory.split(sep).filter((part) => part !== "");
  const top = sep + first;
  if (!existsSync(top)) refuse(top, "there is no such directory", "Make it first.");
  return rest.reduce((above, name) => {
    const path = join(above, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) refuse(path, "there is no such directory", "Make it first.");
    if (stats.isSymbolicLink()) refuse(path, "is a link", "Give the path without links.");
    return path;
  }, realpathSync.native(top));
}

/** Refuses a directory in which others could put another file in the token's place. */
function checkDirectory(descriptor: number, directory: string): void {
  const { mode, uid } = fstatSync(descriptor);
  const self = process.geteuid?.();
  if (self !== undefined && uid !== self && uid !== 0)
    refuse(directory, `belongs to user ${uid}`, "Choose a directory of your own.");
  const shared = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
  if (shared)
    refuse(
      directory,
      `can be written by others (mode ${(mode & 0o7777).toString(8)})`,
      `chmod go-w ${printable(directory)}`,
    );
}

/** A path to the open directory that no renaming can lead elsewhere, where the system has one. */
function pathOf(descriptor: number, directory: string): string {
  const path = `/proc/self/fd/${descriptor}`;
  return existsSync(path) ? path : directory;
}

function replaceFile(handle: number, directory: string, path: string, token: string): void {
  const here = pathOf(handle, directory);
  const target = join(here, basename(path));
  const there = lstatSync(target, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile())
    refuse(path, "is there already and is no regular file", "Remove it, or choose another name.");
  const temporary = join(here, `.${randomBytes(8).toString("hex")}.tmp`);
  const descriptor = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    writeSync(descriptor, token);
    fsyncSync(descriptor);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes a token to a file of its own: whole or not at all, mode 0600, no line end, never through a link.
 * @throws CodedError `file_failed`
 */
export function writeToken(file: string, token: string, cwd: string): void {
  const path = resolve(cwd, file);
  const directory = withoutLinks(dirname(path));
  let handle: number | undefined;
  try {
    handle = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    checkDirectory(handle, directory);
    replaceFile(handle, directory, path, token);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    refuse(
      path,
      `cannot be written: ${errnoOf(error) ?? "unknown error"}`,
      "Check the path, the owner and the free space.",
    );
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
