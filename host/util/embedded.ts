/** Filled in by the bundler (a `define`) when it makes the self-contained executable; absent otherwise. */
declare const CMD2HOST_EMBEDDED: Readonly<Record<string, string>> | undefined;

/**
 * The files that the self-contained executable carries: base64 by path in the package. Undefined in every other build, which has its files beside it.
 */
export const EMBEDDED: ReadonlyMap<string, string> | undefined =
  typeof CMD2HOST_EMBEDDED === "undefined" ? undefined : new Map(Object.entries(CMD2HOST_EMBEDDED));
