import { CodedError, errnoOf } from "../wire/errors.ts";
import { DirHandleError } from "../host/util/dir-handle.ts";

/** What systems say when something about a file cannot be done, in words that say what to do. */
const WORDS = new Map([
  ["EACCES", "permission is denied"],
  ["EDQUOT", "the disk quota is used up"],
  ["EEXIST", "something stands there already"],
  ["EFBIG", "it is larger than the file system or a limit of the process allows"],
  ["EISDIR", "a directory stands there"],
  ["ELOOP", "it is a symbolic link"],
  ["EMFILE", "too many files are open"],
  ["ENAMETOOLONG", "the name is too long for the file system"],
  ["ENOENT", "it does not exist"],
  ["ENOSPC", "the disk is full"],
  ["ENOTDIR", "something on the way is not a directory"],
  ["ENOTEMPTY", "a directory that is not empty stands there"],
  ["EPERM", "the system does not permit it"],
  ["EROFS", "the file system is read-only"],
  ["EXDEV", "it lies on another file system"],
]);

/** What a system error, or what a directory handle says, means in words; undefined for anything else. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof DirHandleError) return error.what;
  const code = errnoOf(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return undefined;
  const words = WORDS.get(code);
  return words === undefined ? code : `${words} (${code})`;
}

/** What is thrown for an error of the system about `where`: `file_failed`. Errors with a code, and bugs, stay as they are. */
export function failed(error: unknown, where: string): unknown {
  const reason = error instanceof CodedError ? undefined : reasonOf(error);
  return reason === undefined ? error : new CodedError("file_failed", `${where}: ${reason}`, { cause: error });
}

/** Does `work`; system errors are thrown as `file_failed` about `where`. */
export function about<T>(where: string | (() => string), work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failed(error, typeof where === "string" ? where : where());
  }
}

/** @throws CodedError `cancelled`, or the signal's own reason when that is a `CodedError` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const reason: unknown = signal.reason;
  throw reason instanceof CodedError
    ? reason
    : new CodedError("cancelled", "the transfer was cancelled", { hint: "Transfer it again." });
}
