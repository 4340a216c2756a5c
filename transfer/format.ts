import { isUtf8 } from "node:buffer";
import { JsonScanner } from "../wire/json.ts";
import { CodedError } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import type { Amount } from "./limits.ts";

/** The form of the stream; docs/transfer.md describes it. */

export const VERSION_OF_FORMAT = 1;
const FORMAT = "cmd2host-transfer";

/** Entries of our own, and what the names of all others begin with. */
export const BEGIN = "begin.json";
export const DATA = "data";
export const SUMS = "sums";
export const END = "end.json";
/** A SHA-256. */
export const SUM_BYTES = 32;
/** Largest first or last record. */
export const MAX_RECORD_BYTES = 4_096;

/** Records of pax that carry what is not UTF-8, in base64. */
export const RAW_PATH = "CMD2HOST.path";
export const RAW_LINK = "CMD2HOST.linkpath";

export type TransferKind = "file" | "directory";

/** The first record. */
export interface Begin {
  readonly kind: TransferKind;
  /** What the top was called where it was read; empty when it has no name that is UTF-8. */
  readonly name: string;
  /** What is going to come, as far as the sender knows. */
  readonly expected: Amount;
}

/** The last record. */
export interface End {
  readonly sent: Amount;
  /** What the sender left out with a notice. */
  readonly skipped: number;
  /** Of everything, in lower case hexadecimal. */
  readonly sha256: string;
}

export function invalid(text: string, cause?: unknown): CodedError {
  return new CodedError("transfer_invalid", text, { cause });
}

export function beginRecord({ kind, name, expected }: Begin): Buffer {
  return Buffer.from(`${JSON.stringify({ format: FORMAT, version: VERSION_OF_FORMAT, kind, name, ...expected })}\n`);
}

export function endRecord({ sent, skipped, sha256 }: End): Buffer {
  return Buffer.from(`${JSON.stringify({ ...sent, skipped, sha256 })}\n`);
}

/** The members of a record, when it is one JSON object. */
function membersOf(bytes: Buffer, what: string): ReadonlyMap<string, unknown> {
  const scanner = new JsonScanner();
  const result = isUtf8(bytes) ? scanner.write(bytes) : { state: "wrong" };
  const isWhole = result.state === "done" && bytes.subarray(scanner.offset).toString("latin1").trim() === "";
  const value: unknown = isWhole ? JSON.parse(bytes.toString("utf8")) : undefined;
  if (typeof value !== "object" || value === null) throw invalid(`the ${what} record is not a JSON object`);
  return new Map(Object.entries(value));
}

function count(members: ReadonlyMap<string, unknown>, name: string, what: string): number {
  const value = members.get(name);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw invalid(`the ${what} record has no number ${name}`);
  return value;
}

function amount(members: ReadonlyMap<string, unknown>, what: string): Amount {
  return {
    files: count(members, "files", what),
    directories: count(members, "directories", what),
    links: count(members, "links", what),
    bytes: count(members, "bytes", what),
  };
}

/** @throws CodedError `transfer_invalid`; `link_version` for a version that is not ours */
export function readBegin(bytes: Buffer): Begin {
  const members = membersOf(bytes, "first");
  if (members.get("format") !== FORMAT) throw invalid("the stream does not begin with a record of ours");
  const version = members.get("version");
  if (version !== VERSION_OF_FORMAT)
    throw new CodedError(
      "link_version",
      `the stream has version ${typeof version === "number" ? version : "of no number"}, and ${VERSION_OF_FORMAT} is known here`,
    );
  const [kind, name] = [members.get("kind"), members.get("name")];
  if (kind !== "file" && kind !== "directory")
    throw invalid(`the first record has the kind ${printable(String(kind)).slice(0, 40)}`);
  if (typeof name !== "string") throw invalid("the first record has no name");
  return { kind, name, expected: amount(members, "first") };
}

/** @throws CodedError `transfer_invalid` */
export function readEnd(bytes: Buffer): End {
  const members = membersOf(bytes, "last");
  const sha256 = members.get("sha256");
  if (typeof sha256 !== "string") throw invalid("the last record has no checksum");
  return { sent: amount(members, "last"), skipped: count(members, "skipped", "last"), sha256 };
}
