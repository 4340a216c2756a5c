import { mkdirSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

/** Writes a file of ours whole or not at all: temporary file, mode 0600, fsync, rename. */
export function writeAtomic(path: string, data: string | Buffer): void {
  try {
    writeFileAtomic.sync(path, data, { mode: 0o600, fsync: true });
  } catch (error) {
    throw new CodedError("file_failed", `${printable(path)}: cannot be written: ${errnoOf(error) ?? "unknown error"}`, {
      cause: error,
    });
  }
}

/** Makes a directory of ours, and its parents, with mode 0700; directories that exist stay as they are. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CodedError("file_failed", `${printable(path)}: cannot be made: ${errnoOf(error) ?? "unknown error"}`, {
      cause: error,
    });
  }
}
