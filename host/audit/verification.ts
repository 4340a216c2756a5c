import type { Link } from "./chain.ts";
import type { Head } from "./head.ts";
import type { Note } from "./record.ts";

/** What is wrong with a log, and how to say it. */
export const DAMAGES = {
  edited: "a record was changed",
  cut_at_end: "records at the end are missing",
  cut_in_middle: "records in the middle are missing",
  cut_at_beginning: "records at the beginning are missing, and the log does not say that they were pruned",
  reordered: "records are in another order",
  inserted: "a record was put in",
  rolled_back: "the log is an older one than the head that was written down",
  rewritten: "the log is another one than the signed head names",
  signature_wrong: "the head is not signed by the key",
  head_missing: "the signed head is missing",
  key_replaced: "the signing key is another one",
  not_json: "a line is no record",
  no_file: "something that is no file stands in place of one",
  half_record: "the last record is not whole",
  noted: "the daemon noted this when it found it",
} as const;

export type DamageKind = keyof typeof DAMAGES;

/** Where a log is damaged first. */
export interface Damage {
  readonly kind: DamageKind;
  /** Undefined for what concerns the head. */
  readonly file: string | undefined;
  /** From 1 on. */
  readonly line: number | undefined;
  /** The number that the record has or should have. */
  readonly seq: number | undefined;
  readonly what: string;
}

/** A note of the log about itself. */
export interface Noted {
  readonly note: Note;
  readonly seq: number;
  readonly file: string;
  readonly line: number;
  readonly time: string;
}

/** What was found out about a log. */
export interface Verification {
  readonly files: number;
  readonly records: number;
  readonly bytes: number;
  /** The numbers of the first and the last record; the last one with its hash. */
  readonly first: number | undefined;
  readonly last: Link | undefined;
  readonly head: Head | undefined;
  /** Records behind the signed head: of the last 50 ms, when a daemon runs. */
  readonly unsigned: number;
  readonly damage: Damage | undefined;
  /** Worth knowing, the last hundred of them. */
  readonly notes: readonly Noted[];
}
