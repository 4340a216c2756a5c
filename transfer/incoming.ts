import type { Header } from "tar-stream";
import type { EntryFacts } from "./digest.ts";
import { DATA, invalid, RAW_LINK, RAW_PATH } from "./format.ts";
import type { EntryKind } from "./limits.ts";
import { MAX_PATH_BYTES, nameOf, objectionToPath, shown } from "./names.ts";

/** An entry that comes, as far as its header says. */
export interface Incoming extends EntryFacts {
  /** Where a link leads, else empty. */
  readonly target: string;
  /** Of a file. */
  readonly content: AsyncIterable<Buffer>;
}

const BLOCK_BYTES = 512;
const NS = 1_000_000_000n;
const PAX_TIME = /^(-?)([0-9]{1,12})(?:\.([0-9]{1,9})[0-9]{0,9})?$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MAX_BASE64 = 2 * MAX_PATH_BYTES;
const KINDS: ReadonlyMap<string | null, EntryKind> = new Map([
  ["file", "file"],
  ["directory", "directory"],
  ["symlink", "link"],
]);

/** What a content of so many bytes takes in the archive. */
export function paddedSize(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/** The records of pax that belong to an entry. */
function recordsOf({ pax }: Header): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(pax ?? {}));
}

function rawName(records: ReadonlyMap<string, unknown>, record: string): string | undefined {
  const value = records.get(record);
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value.length > MAX_BASE64 || !BASE64.test(value))
    throw invalid(`a record ${record} is not base64`);
  return Buffer.from(value, "base64").toString("latin1");
}

/** The library gives null where there is none. */
function linkOf({ linkname }: { readonly linkname: string | null }): string {
  return nameOf(linkname ?? "");
}

function pathOf(header: Header, records: ReadonlyMap<string, unknown>): string {
  const raw = rawName(records, RAW_PATH);
  if (raw === undefined && header.name === DATA) return "";
  const name = nameOf(header.name);
  if (!name.startsWith(`${DATA}/`)) throw invalid(`the entry ${shown(name)} does not lie in ${DATA}`);
  const path = raw ?? name.slice(DATA.length + 1);
  const objection = objectionToPath(path);
  if (objection !== undefined) throw invalid(`the name ${shown(path)} of an entry ${objection}`);
  return path;
}

function timeOf(header: Header, records: ReadonlyMap<string, unknown>, path: string): bigint {
  const said = records.get("mtime");
  if (said === undefined) {
    const ms = header.mtime.getTime();
    if (!Number.isSafeInteger(ms)) throw invalid(`the entry ${shown(path)} has no time`);
    return BigInt(ms) * 1_000_000n;
  }
  const match = typeof said === "string" ? PAX_TIME.exec(said) : null;
  if (match === null) throw invalid(`the entry ${shown(path)} has no time`);
  const [, sign = "", whole = "", fraction = ""] = match;
  const ns = BigInt(whole) * NS + BigInt(fraction.padEnd(9, "0"));
  return sign === "" ? ns : -ns;
}

/**
 * What the header of an entry says, checked but for what the policy decides.
 * @throws CodedError `transfer_invalid`
 */
export function incomingOf(header: Header): Omit<Incoming, "content"> {
  const records = recordsOf(header);
  const path = pathOf(header, records);
  const kind = KINDS.get(header.type);
  if (kind === undefined) throw invalid(`the entry ${shown(path)} is of the kind ${header.type}`);
  const { mode, size } = header;
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) throw invalid(`the entry ${shown(path)} has no mode`);
  if (!Number.isSafeInteger(size) || size < 0 || (kind !== "file" && size !== 0))
    throw invalid(`the entry ${shown(path)} has a wrong size`);
  const target = kind === "link" ? (rawName(records, RAW_LINK) ?? linkOf(header)) : "";
  return { path, kind, mode, mtimeNs: timeOf(header, records, path), size, target };
}
