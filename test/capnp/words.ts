/** Messages for tests that are made word by word, right or wrong. */

export function structPointer(offset: number, dataWords: number, pointers: number): bigint {
  return low(offset << 2) | (BigInt(dataWords) << 32n) | (BigInt(pointers) << 48n);
}

/** `size`: the code of the size of an element. */
export function listPointer(offset: number, size: number, count: number): bigint {
  return low((offset << 2) | 1) | (BigInt(((count << 3) | size) >>> 0) << 32n);
}

export function farPointer(segment: number, pad: number, isDouble = false): bigint {
  return low((pad << 3) | (isDouble ? 4 : 0) | 2) | (BigInt(segment) << 32n);
}

export function capabilityPointer(index: number): bigint {
  return 3n | (BigInt(index) << 32n);
}

/** The first word of a list of structs. */
export function listTag(count: number, dataWords: number, pointers: number): bigint {
  return low(count << 2) | (BigInt(dataWords) << 32n) | (BigInt(pointers) << 48n);
}

function low(value: number): bigint {
  return BigInt(value >>> 0);
}

/** Up to eight bytes of text as a word. */
export function textWord(text: string): bigint {
  const bytes = Buffer.alloc(8);
  bytes.write(text, "latin1");
  return bytes.readBigUInt64LE();
}

/** The bytes of one segment. */
export function segment(words: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(words.length * 8);
  for (const [index, word] of words.entries()) bytes.writeBigUInt64LE(word, index * 8);
  return bytes;
}

/** A whole message of these segments. */
export function message(...segments: readonly (readonly bigint[])[]): Buffer {
  const table = Buffer.alloc(Math.ceil((4 + segments.length * 4) / 8) * 8);
  table.writeUInt32LE(segments.length - 1, 0);
  for (const [index, words] of segments.entries()) table.writeUInt32LE(words.length, 4 + index * 4);
  return Buffer.concat([table, ...segments.map(segment)]);
}
