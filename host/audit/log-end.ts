import type { Blake3 } from "../util/hash.ts";
import { MAX_LINE, type Link } from "./chain.ts";
import { linesBackwards } from "./log-lines.ts";
import { endsWithHash, hashedPart, parseStored } from "./stored.ts";

/** How a file of the log ends. */
export interface LogEnd {
  /** The last record; undefined when the last whole line is none, or has another hash. */
  readonly link: Link | undefined;
  readonly time: string;
  /** True for a file without a whole line. */
  readonly isEmpty: boolean;
  /** Half a record behind the last line end. */
  readonly torn: { readonly offset: number; readonly bytes: number; readonly text: string } | undefined;
}

const MAX_TORN_TEXT = 1_024;

/** The record of a line, when its own hash is right. */
export function soundRecord(line: Buffer, hash: Blake3): ReturnType<typeof parseStored> {
  if (line.length > MAX_LINE || !endsWithHash(line, hash(hashedPart(line)))) return undefined;
  return parseStored(line);
}

/** Looks at the end of a file. Throws system errors. */
export function endOf(path: string, hash: Blake3): LogEnd {
  let torn: LogEnd["torn"];
  for (const { bytes, offset, isWhole } of linesBackwards(path)) {
    if (!isWhole) {
      const more = torn?.bytes ?? 0;
      torn = { offset, bytes: bytes.length + more, text: bytes.toString("utf8", 0, MAX_TORN_TEXT) };
      continue;
    }
    const record = soundRecord(bytes, hash);
    const time = record?.members["time"];
    return { link: record, time: typeof time === "string" ? time : "", isEmpty: false, torn };
  }
  return { link: undefined, time: "", isEmpty: true, torn };
}

export function lastLink(path: string, hash: Blake3): Link | undefined {
  return endOf(path, hash).link;
}
