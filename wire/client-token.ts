import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { CodedError, errnoOf, messageOf } from "./errors.ts";
import { quoted } from "./text.ts";

/** Longest token file; a token has 64 characters. */
const MAX_TOKEN_FILE_BYTES = 4_096;

/**
 * The text of a token file, trimmed. Links are followed, because secrets are often mounted as links; anything but a
 * regular file of at most 4096 bytes is refused.
 * @throws CodedError `file_failed` that names the file
 */
export async function readTokenFile(file: string): Promise<string> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw new Error("not a regular file");
      const buffer = Buffer.alloc(MAX_TOKEN_FILE_BYTES + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      if (bytesRead > MAX_TOKEN_FILE_BYTES) throw new Error(`longer than ${MAX_TOKEN_FILE_BYTES} bytes`);
      return buffer.toString("utf8", 0, bytesRead).trim();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new CodedError(
      "file_failed",
      `cannot read the token file ${quoted(file)}: ${errnoOf(error) ?? messageOf(error)}`,
      {
        hint: "Check the path and its owner, or pass the token in CMD2HOST_TOKEN without --token-file.",
      },
    );
  }
}
