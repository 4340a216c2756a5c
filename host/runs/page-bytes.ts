import { isUtf8 } from "node:buffer";
import type { PageWanted } from "../../wire/request.ts";
import type { OutputPage } from "../../wire/schema.ts";
import { characterAcross, unfinished } from "./characters.ts";
import type { Kept, Stretch } from "./kept.ts";

/** What a way of reading finds out; the rest of a page is the same for all. */
export type PagePart = Pick<
  OutputPage,
  "text" | "encoding" | "offset" | "next_offset" | "line" | "next_line" | "matches"
>;

/** Bytes as text, or in base64 when they are not UTF-8. */
export function asText(bytes: Buffer): Pick<PagePart, "text" | "encoding"> {
  return isUtf8(bytes) ? { text: bytes.toString("utf8") } : { text: bytes.toString("base64"), encoding: "base64" };
}

/** The character that lies across `at`, if one does. */
async function across(
  kept: Kept,
  at: number,
  stretch: Stretch,
): Promise<{ readonly start: number; readonly end: number } | undefined> {
  const from = Math.max(stretch.from, at - 3);
  const character = characterAcross(await kept.read(from, Math.min(stretch.to, at + 3)), at - from);
  return character === undefined ? undefined : { start: from + character.start, end: from + character.end };
}

/** Where a page from `start` may end, at `wanted` or nearby, without cutting a character; always behind `start` unless more of one is to come. */
export async function pageEnd(kept: Kept, start: number, wanted: number, stretch: Stretch): Promise<number> {
  if (wanted < stretch.to) {
    const character = await across(kept, wanted, stretch);
    if (character === undefined) return wanted;
    return character.start > start ? character.start : character.end;
  }
  const last = await kept.read(Math.max(start, wanted - 3), wanted);
  const end = wanted - unfinished(last);
  const toCome = kept.stream.growing && stretch === kept.last;
  return end > start || toCome ? end : wanted;
}

/** A page that begins at a byte. When it has to be cut it is cut at a line break, if there is one in its last quarter. */
export async function bytesPage(kept: Kept, wanted: PageWanted & { readonly unit: "bytes" }): Promise<PagePart> {
  const { bytes: total } = kept.stream;
  const asked = wanted.offset < 0 ? Math.max(0, total + wanted.offset) : Math.min(wanted.offset, total);
  const stretch = kept.stretchAt(asked);
  if (stretch === undefined) return { text: "", offset: asked, next_offset: asked };
  const begin = Math.max(asked, stretch.from);
  const start = begin === stretch.from ? begin : ((await across(kept, begin, stretch))?.end ?? begin);
  const limit = await pageEnd(kept, start, Math.min(stretch.to, start + wanted.maxBytes), stretch);
  const all = await readWhole(kept, start, limit);
  const page = limit < stretch.to ? all.subarray(0, atLineBreak(all)) : all;
  return { ...asText(page), offset: start, next_offset: start + page.length };
}

/** In pieces, so that nothing else waits long. */
export async function readWhole(kept: Kept, from: number, to: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of kept.pieces(from, to)) pieces.push(piece);
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces);
}

function atLineBreak(page: Buffer): number {
  const behind = page.lastIndexOf(10) + 1;
  return behind > 0.75 * page.length ? behind : page.length;
}
