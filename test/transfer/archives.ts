import { createHash } from "node:crypto";
import { pack, type Header } from "tar-stream";
import { Digest } from "../../transfer/digest.ts";
import type { EntryKind } from "../../transfer/limits.ts";

/** Streams made by hand, as a hostile other end could make them. */

export interface Made {
  readonly name: string;
  readonly type?: Header["type"];
  readonly mode?: number;
  readonly content?: string;
  readonly linkname?: string;
  readonly pax?: Readonly<Record<string, string>>;
  /** Claimed; nothing more is written when it differs from what the content has. */
  readonly size?: number;
}

export interface Records {
  /** Members of the first record; a text is the whole of it; null leaves it out. */
  readonly begin?: object | string | null;
  readonly sums?: Buffer | null;
  readonly end?: object | string | null;
  /** Behind everything. */
  readonly after?: readonly Made[];
}

const TIME = new Date(1_000_000_000_000);

/** An archive of these entries, cut where an entry claims more than it has. */
export async function archiveOf(entries: readonly Made[]): Promise<Buffer> {
  const archive = pack();
  const pieces: Buffer[] = [];
  const read = (async (): Promise<void> => {
    for await (const piece of archive as AsyncIterable<Buffer>) pieces.push(Buffer.from(piece));
  })();
  for (const { name, type = "file", mode = 0o644, content = "", linkname = "", pax, size } of entries) {
    const bytes = Buffer.from(content, "latin1");
    const header = { name, type, mode: mode | 0o1000000, mtime: TIME, linkname, ...(pax === undefined ? {} : { pax }) };
    if (size !== undefined && size !== bytes.length) {
      archive.entry({ ...header, size }).write(bytes);
      // Until what was written has been read.
      await new Promise((resolve) => setTimeout(resolve, 20));
      break;
    }
    await new Promise<void>((resolve) => {
      archive.entry(header, bytes, () => {
        resolve();
      });
    });
  }
  const isWhole = entries.every(({ size, content = "" }) => size === undefined || size === content.length);
  if (isWhole) archive.finalize();
  else archive.destroy();
  await read.catch(() => undefined);
  return Buffer.concat(pieces);
}

/** A whole stream whose records fit its entries, unless something else is said. */
export async function streamWith(entries: readonly Made[], records: Records = {}): Promise<Buffer> {
  const kind = entries[0]?.type === "directory" ? "directory" : "file";
  const digest = new Digest(kind);
  const amount = { files: 0, directories: 0, links: 0, bytes: 0 };
  for (const { name, type = "file", mode = 0o644, content = "", linkname = "" } of entries) {
    const facts = {
      path: name.replace(/^data\/?/, ""),
      kind: (type === "symlink" ? "link" : type) as EntryKind,
      mode,
      mtimeNs: BigInt(TIME.getTime()) * 1_000_000n,
      size: content.length,
    };
    amount.bytes += content.length;
    if (type === "directory") digest.directory(facts);
    else if (type === "symlink") digest.link(facts, linkname);
    else digest.file(facts, createHash("sha256").update(Buffer.from(content, "latin1")).digest());
    amount[type === "directory" ? "directories" : type === "symlink" ? "links" : "files"]++;
  }
  const sums = Buffer.concat(digest.sums);
  const text = (record: object | string, usual: object): string =>
    typeof record === "string" ? record : JSON.stringify({ ...usual, ...record });
  const usualBegin = { format: "cmd2host-transfer", version: 1, kind, name: "n", ...amount };
  const { begin = {}, end = {} } = records;
  return archiveOf([
    ...(begin === null ? [] : [{ name: "begin.json", content: text(begin, usualBegin) }]),
    ...entries,
    ...(records.sums === null ? [] : [{ name: "sums", content: (records.sums ?? sums).toString("latin1") }]),
    ...(end === null
      ? []
      : [{ name: "end.json", content: text(end, { ...amount, skipped: 0, sha256: digest.whole() }) }]),
    ...(records.after ?? []),
  ]);
}
