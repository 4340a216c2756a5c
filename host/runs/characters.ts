import { isUtf8 } from "node:buffer";

/** Where the characters of UTF-8 begin and end. */

function lengthOf(lead: number): number {
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 1;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** How many bytes at the end begin a character without ending it: 0 to 3. */
export function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (!isContinuation(byte)) return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

/** How many bytes at the beginning can only be the rest of a character: 0 to 3. */
export function leftover(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && isContinuation(bytes[count])) count++;
  return count;
}

/** When a character lies across `at`: where it begins and ends, else undefined. */
export function characterAcross(
  bytes: Buffer,
  at: number,
): { readonly start: number; readonly end: number } | undefined {
  if (!isContinuation(bytes[at])) return undefined;
  for (let start = at - 1; start >= Math.max(0, at - 3); start--) {
    const byte = bytes[start] ?? 0;
    if (isContinuation(byte)) continue;
    const end = start + lengthOf(byte);
    return end > at && end <= bytes.length && isUtf8(bytes.subarray(start, end)) ? { start, end } : undefined;
  }
  return undefined;
}
