import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

/**
 * Reads a regular file that nobody vouches for: opened without blocking, bounded, from one handle. Returns undefined when there is none.
 * @param follow whether the last component may be a link; never for files in a workspace
 * @throws CodedError `file_failed` when it is no regular file, too long, or cannot be read
 */
export function readPlainFile(
  path: string,
  maxBytes: number,
  follow: "follow" | "no_follow" = "follow",
): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(
      path,
      constants.O_RDONLY | constants.O_NONBLOCK | (follow === "follow" ? 0 : constants.O_NOFOLLOW),
    );
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    const why = errnoOf(error) === "ELOOP" ? "is a link" : (errnoOf(error) ?? "cannot be opened");
    throw new CodedError("file_failed", `${printable(path)}: ${why}`, { cause: error });
  }
  try {
    if (!fstatSync(descriptor).isFile())
      throw new CodedError("file_failed", `${printable(path)}: is not a regular file`);
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (length > maxBytes) throw new CodedError("file_failed", `${printable(path)}: larger than ${maxBytes} bytes`);
      if (count === 0) return Buffer.from(buffer.subarray(0, length));
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("file_failed", `${printable(path)}: ${errnoOf(error) ?? "cannot be read"}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}
