import { Malformed } from "./malformed.ts";
import { WORD_BYTES, type Segments } from "./segments.ts";

/** What a pointer of a message points to. Where it is has not been checked: whoever reads it does that. */
export type Pointer =
  | { readonly kind: "null" }
  | {
      readonly kind: "struct";
      readonly segment: number;
      readonly at: number;
      readonly dataWords: number;
      readonly pointers: number;
    }
  /** `size`: the code of the size of an element. `count`: of elements, or of words when the elements are structs. */
  | {
      readonly kind: "list";
      readonly segment: number;
      readonly at: number;
      readonly size: number;
      readonly count: number;
    }
  /** `index`: into the table of capabilities that came with the message. */
  | { readonly kind: "capability"; readonly index: number };

const STRUCT = 0;
const LIST = 1;
const FAR = 2;

/** Codes of the sizes of list elements. */
export const BYTES = 2;
export const COMPOSITE = 7;

function wordsToBytes(words: number): number {
  return words * WORD_BYTES;
}

/** What the two halves of a pointer say. `segment`, `at`: where what it points to begins. */
function decoded(low: number, high: number, segment: number, at: number): Pointer {
  switch (low & 3) {
    case STRUCT:
      return { kind: "struct", segment, at, dataWords: high & 0xffff, pointers: high >>> 16 };
    case LIST:
      return { kind: "list", segment, at, size: high & 7, count: high >>> 3 };
    case FAR:
      throw new Malformed("a far pointer leads to a far pointer");
    default:
      if (low !== 3) throw new Malformed("a pointer of unknown kind");
      return { kind: "capability", index: high };
  }
}

/** How far behind itself a pointer of a struct or list points, in bytes; may be negative. */
function offsetOf(low: number): number {
  return wordsToBytes((low | 0) >> 2);
}

/** Follows a far pointer: to a landing pad in another segment, which holds the pointer, or says where the target lies and what it is. */
function landed(segments: Segments, low: number, segment: number): Pointer {
  const pad = wordsToBytes(low >>> 3);
  const isDouble = (low & 4) !== 0;
  const bytes = segments.holding(segment, pad, wordsToBytes(isDouble ? 2 : 1));
  const [padLow, padHigh] = [bytes.readUInt32LE(pad), bytes.readUInt32LE(pad + 4)];
  if (!isDouble) return decoded(padLow, padHigh, segment, pad + WORD_BYTES + offsetOf(padLow));
  if ((padLow & 7) !== FAR) throw new Malformed("the landing pad of a double far pointer is none");
  return decoded(
    bytes.readUInt32LE(pad + WORD_BYTES),
    bytes.readUInt32LE(pad + WORD_BYTES + 4),
    padHigh,
    wordsToBytes(padLow >>> 3),
  );
}

/**
 * Reads the pointer at a place that is known to lie in its segment.
 * @throws Malformed
 */
export function pointerAt(segments: Segments, buffer: Buffer, segment: number, at: number): Pointer {
  const [low, high] = [buffer.readUInt32LE(at), buffer.readUInt32LE(at + 4)];
  if (low === 0 && high === 0) return { kind: "null" };
  if ((low & 3) === FAR) return landed(segments, low, high);
  return decoded(low, high, segment, at + WORD_BYTES + offsetOf(low));
}
