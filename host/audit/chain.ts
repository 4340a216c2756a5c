/** The form of a record's line, which makes the chain. docs/audit.md describes it for other tools. */

/** Where a chain stands: the last record, by its number and its hash. */
export interface Link {
  /** From 1 on, without a gap. */
  readonly seq: number;
  /** BLAKE3-256, in lower case hex. */
  readonly hash: string;
}

/** What the first record names as the one before it. */
export const START: Link = { seq: 0, hash: "0".repeat(64) };

/** Bytes of `,"hash":"…"}`, which every line ends with and which is not part of what is hashed. */
export const SEAL_LENGTH = 75;

/** The largest line that is written, and the largest that is read, in bytes without the line's end. */
export const MAX_LINE = 131_072;

/** What every line begins with, up to the kind of the record. */
export function lineStart(previous: Link): string {
  return `{"seq":${previous.seq + 1},"prev":"${previous.hash}","kind":"`;
}

export function seal(hash: string): string {
  return `,"hash":"${hash}"}`;
}

/** `12:0f1e…` as it is written down elsewhere. */
export function linkText({ seq, hash }: Link): string {
  return `${seq}:${hash}`;
}

/** Undefined for what is no `SEQ:HASH`. */
export function parseLink(text: string): Link | undefined {
  const [, seq = "", hash = ""] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text.trim().toLowerCase()) ?? [];
  return hash === "" ? undefined : { seq: Number(seq), hash };
}
