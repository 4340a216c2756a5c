const LONGEST = 4;

/** How many bytes a character takes whose first byte this is; 0 when no character begins with it. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? LONGEST : 0;
}

/** How many bytes at the end begin a character of UTF-8 that is not complete: 0 to 3. More bytes could make it one. */
export function begunBytes(bytes: Buffer): number {
  for (let back = 1; back < LONGEST && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    // Bytes behind the first one.
    if (byte >= 0x80 && byte <= 0xbf) continue;
    return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}
