import { CodedError } from "../../wire/errors.ts";

/**
 * The same error without the places of the daemon's own files: a session has no use for them, and they name the owner. The record keeps them.
 * @param ownPaths absolute, the longest first
 */
export function withoutOwnPaths(error: CodedError, ownPaths: readonly string[]): CodedError {
  const hidden = (text: string): string => ownPaths.reduce((left, path) => left.replaceAll(path, "…"), text);
  const [message, hint] = [hidden(error.message), hidden(error.hint)];
  if (message === error.message && hint === error.hint) return error;
  return new CodedError(error.code, message, { hint, cause: error });
}
