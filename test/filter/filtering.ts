import { OutputFilter } from "../../host/filter/output-filter.ts";
import type { FilterRules } from "../../host/project/types.ts";
import type { Filtered } from "../../wire/outcome.ts";

export const NO_RULES: FilterRules = { stripAnsi: false, collapseProgress: false, maxLines: undefined, jsonFields: [] };

/** Cuts bytes behind each of the given offsets. */
export function cut(bytes: Buffer, offsets: readonly number[]): readonly Buffer[] {
  const sorted = [...new Set(offsets)].filter((one) => one > 0 && one < bytes.length).sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

function result(rules: Partial<FilterRules>, form: "text" | "json", chunks: Iterable<Buffer>): Filtered | undefined {
  const filter = new OutputFilter({ ...NO_RULES, ...rules }, form);
  // A copy that is overwritten afterwards: nothing may be held on to.
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    filter.write(lent);
    lent.fill(0x58);
  }
  return filter.result();
}

export function filteredText(rules: Partial<FilterRules>, chunks: Iterable<Buffer>): Filtered | undefined {
  return result(rules, "text", chunks);
}

/** What is left of a text that is written in one piece; the text itself when nothing was left out. */
export function leftOf(rules: Partial<FilterRules>, text: string): string {
  return filteredText(rules, [Buffer.from(text)])?.stdout ?? text;
}

export function filteredJson(fields: readonly string[], chunks: Iterable<Buffer>): Filtered | undefined {
  return result({ jsonFields: fields.map((field) => field.split(".")) }, "json", chunks);
}

export function leftOfJson(fields: readonly string[], text: string): string {
  return filteredJson(fields, [Buffer.from(text)])?.stdout ?? text;
}

/** True when `part` is `whole` with characters left out. */
export function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const character of whole) if (at < part.length && part.startsWith(character, at)) at += character.length;
  return at === part.length;
}

/** The number at the beginning of what stands behind a phrase in what was dropped; 0 when nothing of the kind was. */
export function countIn(dropped: readonly string[] | undefined, phrase: RegExp): number {
  const found = (dropped ?? []).map((one) => phrase.exec(one)?.[1]).find((one) => one !== undefined);
  return Number((found ?? "0").replaceAll(",", ""));
}
