import type { CodedError } from "../../wire/errors.ts";
import type { ShellEnd } from "../calls.ts";

/** How a command came to its end: it ran, or it could not. */
export type CommandEnd =
  { readonly kind: "ended"; readonly end: ShellEnd } | { readonly kind: "failed"; readonly error: CodedError };

/** What a client gets of a command at a time. */
export interface Page {
  /** Text; bytes that are no UTF-8 are replaced by U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  /** The token of the page behind it; undefined on the last one. */
  readonly next: string | undefined;
  /** On the last page only. That of a command that could not be run has no output. */
  readonly end: CommandEnd | undefined;
}

/** How long a page is waited for, in milliseconds. */
export interface PageWait {
  /** The longest. */
  readonly timeoutMs: number;
  /** When there is output, how long more of it is gathered. Undefined: until the page is full, or its time is over. */
  readonly gatherMs: number | undefined;
}

/** The members of `[streaming]` in gateway.toml, and what commands may hold of the gateway. Bytes and milliseconds. */
export interface PageSettings {
  readonly pageTimeoutMs: number;
  /** Of standard output and standard error together; at least 4, the length of the longest character. */
  readonly pageMaxBytes: number;
  /** A command that nobody asks about for so long is ended. */
  readonly idleMs: number;
  /** Commands that have not been read to their end, of one caller and in all. */
  readonly maxOfCaller: number;
  readonly maxInAll: number;
  /** What their output may take. */
  readonly maxBytesOfCaller: number;
  readonly maxBytesInAll: number;
}

/** The original's values, and bounds that a busy gateway does not reach. */
export const PAGE_SETTINGS: PageSettings = {
  pageTimeoutMs: 5_000,
  pageMaxBytes: 32_768,
  idleMs: 60_000,
  maxOfCaller: 256,
  maxInAll: 1_024,
  maxBytesOfCaller: 67_108_864,
  maxBytesInAll: 268_435_456,
};
