import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

function pathOf(error: unknown): string {
  const path: unknown = error instanceof Error && "path" in error ? error.path : undefined;
  return typeof path === "string" ? printable(path) : "a file of it";
}

/** Does what reads the log. @throws CodedError `audit_unreadable`, and what `work` throws */
export async function reading<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (error instanceof CodedError || errno === undefined) throw error;
    if (errno === "ENOENT")
      throw new CodedError("audit_unreadable", `there is no audit: ${pathOf(error)} is not there`, {
        hint: "It begins when a daemon starts: cmd2host serve. If one has run, it was with another CMD2HOST_CONFIG_DIR.",
        cause: error,
      });
    throw new CodedError("audit_unreadable", `the audit cannot be read: ${printable(messageOf(error))}`, {
      cause: error,
    });
  }
}
