import type { PageWanted } from "../../wire/request.ts";
import type { Kept, Stretch } from "./kept.ts";
import { behindBreak, countBreaks } from "./line-index.ts";
import { asText, pageEnd, type PagePart } from "./page-bytes.ts";

/** Where a line begins, and its number. */
export interface LineStart {
  readonly offset: number;
  readonly line: number;
}

const LINE_BREAK = 10;

/** Lines that can be asked for: complete ones, and, when nothing more comes, the rest behind the last line break. */
async function lineCount(kept: Kept): Promise<number> {
  const { bytes, breaks, growing } = kept.stream;
  if (growing || bytes === 0) return breaks;
  if (kept.end < bytes) return breaks;
  const [last] = await kept.read(bytes - 1, bytes);
  return breaks + (last === LINE_BREAK ? 0 : 1);
}

async function startIn(kept: Kept, { from, to, breaks }: Stretch, line: number): Promise<LineStart | undefined> {
  if (line - 1 <= breaks) return { offset: from, line: breaks + 1 };
  const near = kept.stream.points.findLast((point) => point.at >= from && point.at < to && point.breaks < line - 1);
  let at = near?.at ?? from;
  let left = line - 1 - (near?.breaks ?? breaks);
  for await (const piece of kept.pieces(at, to)) {
    const behind = behindBreak(piece, left);
    if (behind.at !== undefined) return at + behind.at < to ? { offset: at + behind.at, line } : undefined;
    left -= behind.found;
    at += piece.length;
  }
  return undefined;
}

/**
 * Where a line begins (from 1; negative: from the end). A line in the gap gives the first one behind it; one that is not there yet the end of what is kept.
 */
export async function lineStart(kept: Kept, asked: number): Promise<LineStart> {
  const line = asked > 0 ? asked : Math.max(1, (await lineCount(kept)) + asked + 1);
  for (const stretch of kept.stream.stretches) {
    // Counted from the end, a line that lies on both sides of the gap is the one behind it.
    if (asked < 0 && stretch !== kept.last && line - 1 >= kept.last.breaks) continue;
    const start = await startIn(kept, stretch, line);
    if (start !== undefined && start.offset < stretch.to) return start;
  }
  return { offset: kept.end, line };
}

/** The number of the line that comes behind `next` lines, when the page reaches the end of its stretch. */
export function nextLine(kept: Kept, stretch: Stretch, end: number, next: number): number {
  return end === stretch.to && stretch !== kept.last ? Math.max(next, kept.last.breaks + 1) : next;
}

/** Whole lines from one on; of a line that is larger than the page, its first part. Never across the gap. */
export async function linesPage(kept: Kept, wanted: PageWanted & { readonly unit: "lines" }): Promise<PagePart> {
  const { offset, line } = await lineStart(kept, wanted.line);
  const stretch = kept.stretchAt(offset);
  if (stretch === undefined) return { text: "", offset, next_offset: offset, line, next_line: line };
  const limit = Math.min(stretch.to, offset + wanted.maxBytes);
  const { bytes, lines } = await wholeLines(kept, offset, limit, wanted.maxLines);
  const open = kept.stream.growing && stretch === kept.last;
  const page = (text: Buffer, count: number): PagePart => {
    const end = offset + text.length;
    return { ...asText(text), offset, next_offset: end, line, next_line: nextLine(kept, stretch, end, line + count) };
  };
  const atEnd = lines < wanted.maxLines && limit === stretch.to && !open;
  const tooLong = lines === 0 && limit - offset === wanted.maxBytes;
  if (!atEnd && !tooLong) return page(bytes, lines);
  const rest = await kept.read(offset + bytes.length, atEnd ? limit : await pageEnd(kept, offset, limit, stretch));
  return page(Buffer.concat([bytes, rest]), lines + (rest.length > 0 ? 1 : 0));
}

/** Everything up to the last line break before `limit`, at most `maxLines` lines. */
async function wholeLines(
  kept: Kept,
  from: number,
  limit: number,
  maxLines: number,
): Promise<{ readonly bytes: Buffer; readonly lines: number }> {
  const pieces: Buffer[] = [];
  let lines = 0;
  for await (const piece of kept.pieces(from, limit)) {
    const behind = behindBreak(piece, maxLines - lines);
    if (behind.at !== undefined)
      return { bytes: Buffer.concat([...pieces, piece.subarray(0, behind.at)]), lines: maxLines };
    lines += behind.found;
    pieces.push(piece);
  }
  const all = Buffer.concat(pieces);
  const bytes = all.subarray(0, all.lastIndexOf(LINE_BREAK) + 1);
  return { bytes, lines: lines === 0 ? 0 : countBreaks(bytes) };
}
