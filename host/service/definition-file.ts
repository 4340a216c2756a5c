import { chmodSync, lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { DirHandleError, readBounded } from "../util/regular-file.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";

const MAX_DEFINITION = 262_144;

/** Undefined: there is nothing. @throws CodedError `file_failed` */
function linkAt(path: string): boolean | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
  } catch (error) {
    throw new CodedError("file_failed", `${printable(path)}: ${errnoOf(error) ?? "cannot be looked at"}`, {
      cause: error,
    });
  }
}

/**
 * The text of a definition, or undefined when there is none. A link is refused, and never written through: systemd masks a unit by a link to
 * /dev/null, and programs that manage home directories link what is theirs.
 * @throws CodedError `file_failed`
 */
export function readDefinition(path: string): string | undefined {
  const isLink = linkAt(path);
  if (isLink === undefined) return undefined;
  if (isLink)
    throw new CodedError(
      "file_failed",
      `${printable(path)} is a link: the service is masked, or another program manages the file`,
      {
        hint: "Unmask it (systemctl unmask, with --user for a user's own), or remove the link.",
      },
    );
  try {
    return readBounded(path, MAX_DEFINITION).toString("utf8");
  } catch (error) {
    const why = error instanceof DirHandleError ? error.what : (errnoOf(error) ?? "cannot be read");
    throw new CodedError("file_failed", `${printable(path)}: ${why}`, { cause: error });
  }
}

/** Writes a definition whole or not at all. @throws CodedError `file_failed` */
export function writeDefinition(path: string, text: string, mode = 0o600): void {
  makePrivateDirectory(dirname(path));
  writeAtomic(path, text);
  if (mode !== 0o600) chmodSync(path, mode);
}

/** @throws CodedError `file_failed` */
export function removeDefinition(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw new CodedError("file_failed", `${printable(path)}: cannot be removed: ${errnoOf(error) ?? "unknown error"}`, {
      cause: error,
    });
  }
}
