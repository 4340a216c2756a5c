import { rmSync } from "node:fs";
import type { Blake3 } from "../util/hash.ts";
import { linkText, START, type Link } from "./chain.ts";
import type { FoundHead, Head } from "./head.ts";
import { endOf, soundRecord } from "./log-end.ts";
import { LogFile } from "./log-file.ts";
import { linesBackwards } from "./log-lines.ts";
import { listLog, type LogName } from "./log-names.ts";
import type { Note } from "./record.ts";

/** How many records behind the head are looked through for the one that it names. */
const MAX_BEHIND = 100_000;

/** Something that the log has to say about what was found. */
export interface Finding {
  readonly note: Note;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a daemon finds of the log when it starts. */
export interface Opening {
  /** What the next record continues. */
  readonly last: Link;
  readonly file: LogFile | undefined;
  readonly lastTime: string;
  readonly findings: readonly Finding[];
}

/** The newest file that holds something. Empty ones are what a crash leaves of a beginning. */
function newestFile(directory: string, hash: Blake3): LogName | undefined {
  for (const file of [...listLog(directory)].reverse()) {
    const { isEmpty, torn } = endOf(file.path, hash);
    if (!isEmpty || torn !== undefined) return file;
    rmSync(file.path, { force: true });
  }
  return undefined;
}

/** The hash of the record with a number, in the newest records; undefined when it is not there. */
function hashAt(directory: string, seq: number, hash: Blake3): string | undefined {
  let looked = 0;
  for (const { path } of [...listLog(directory)].reverse())
    for (const { bytes } of linesBackwards(path)) {
      const record = soundRecord(bytes, hash);
      if (record?.seq === seq) return record.hash;
      if (record === undefined || record.seq < seq || ++looked > MAX_BEHIND) return undefined;
    }
  return undefined;
}

/** What the signed head says about a log that ends with `last`. */
function compared(
  directory: string,
  { head, isForged }: FoundHead,
  last: Link,
  publicKey: string,
  hash: Blake3,
): readonly Finding[] {
  if (head === undefined)
    return last.seq === 0 && !isForged ? [] : [{ note: "head_missing", fields: { forged: isForged } }];
  const named = { head: linkText(head), head_time: head.time };
  const changed: readonly Finding[] =
    head.key === publicKey ? [] : [{ note: "key_changed", fields: { ...named, old_key: head.key } }];
  if (last.seq < head.seq) return [...changed, shorter(head, last, named)];
  const found = last.seq === head.seq ? last.hash : hashAt(directory, head.seq, hash);
  if (head.seq > 0 && found !== head.hash)
    return [...changed, { note: "cut", fields: { ...named, found: linkText(last) } }];
  if (last.seq === head.seq) return changed;
  return [...changed, { note: "unsigned", fields: { ...named, records: last.seq - head.seq } }];
}

/** Records that were not known to be on the disk may be gone without anybody's doing. */
function shorter(head: Head, last: Link, named: Readonly<Record<string, unknown>>): Finding {
  const note = last.seq >= head.synced && last.seq > 0 ? "lost_power" : "cut";
  return { note, fields: { ...named, found: linkText(last), missing: head.seq - last.seq } };
}

/**
 * Looks at the log and its head, takes half a record away, and says what is to be noted. Throws system errors.
 * @param publicKey of the key that signs from now on
 */
export function openLog(directory: string, found: FoundHead, publicKey: string, hash: Blake3): Opening {
  const newest = newestFile(directory, hash);
  const { head } = found;
  if (newest === undefined) {
    return { last: START, file: undefined, lastTime: "", findings: compared(directory, found, START, publicKey, hash) };
  }
  const end = endOf(newest.path, hash);
  const findings: Finding[] = [];
  const file = LogFile.open(newest.path);
  if (end.torn !== undefined) {
    const { offset, bytes, text } = end.torn;
    file.cutTo(offset);
    findings.push({ note: "repaired", fields: { file: newest.name, bytes, text } });
  }
  if (end.link !== undefined || (end.isEmpty && end.torn !== undefined)) {
    const last = end.link ?? before(directory, newest, hash);
    return {
      last,
      file,
      lastTime: end.time,
      findings: [...findings, ...compared(directory, found, last, publicKey, hash)],
    };
  }
  // The end was changed: what is there stays as it is, and the log goes on behind it.
  file.close();
  const last = head !== undefined && head.seq >= newest.first ? head : { ...START, seq: newest.first };
  const fields = { file: newest.name, reason: "the last record is damaged" };
  return { last, file: undefined, lastTime: "", findings: [...findings, { note: "gap", fields }] };
}

/** The end of the file before one that held half a record only. */
function before(directory: string, { first }: LogName, hash: Blake3): Link {
  const earlier = listLog(directory)
    .filter((file) => file.first < first)
    .at(-1);
  return (earlier === undefined ? undefined : endOf(earlier.path, hash).link) ?? START;
}
