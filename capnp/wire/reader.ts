import { isUtf8 } from "node:buffer";
import { Malformed } from "./malformed.ts";
import { BYTES, COMPOSITE, pointerAt, type Pointer } from "./pointer.ts";
import { Segments, WORD_BYTES } from "./segments.ts";

/** How deep structs may lie in each other. */
const MAX_DEPTH = 64;

type Place = Extract<Pointer, { readonly kind: "struct" }>;

/** A struct of a message. What its sender did not write reads as zero, empty or nothing, as Cap'n Proto wants it. Pointers are numbered from 0. */
export class StructReader {
  readonly #segments: Segments;
  readonly #buffer: Buffer;
  readonly #place: Place;
  readonly #dataBytes: number;
  readonly #depth: number;

  constructor(segments: Segments, buffer: Buffer, place: Place, depth: number) {
    this.#segments = segments;
    this.#buffer = buffer;
    this.#place = place;
    this.#dataBytes = place.dataWords * WORD_BYTES;
    this.#depth = depth;
  }

  /** @param offset in bytes, as of the other numbers */
  uint8(offset: number): number {
    return this.#holds(offset + 1) ? this.#buffer.readUInt8(this.#place.at + offset) : 0;
  }

  uint16(offset: number): number {
    return this.#holds(offset + 2) ? this.#buffer.readUInt16LE(this.#place.at + offset) : 0;
  }

  uint32(offset: number): number {
    return this.#holds(offset + 4) ? this.#buffer.readUInt32LE(this.#place.at + offset) : 0;
  }

  int32(offset: number): number {
    return this.uint32(offset) | 0;
  }

  uint64(offset: number): bigint {
    return this.#holds(offset + 8) ? this.#buffer.readBigUInt64LE(this.#place.at + offset) : 0n;
  }

  /** @param index in bits */
  bit(index: number): boolean {
    return ((this.uint8(index >> 3) >> (index & 7)) & 1) === 1;
  }

  /** @throws Malformed */
  struct(pointer: number): StructReader {
    const found = this.#pointer(pointer);
    if (found.kind === "null") return NOTHING;
    if (found.kind !== "struct") throw new Malformed("a pointer to a struct is expected");
    return structAt(this.#segments, found, this.#depth);
  }

  /**
   * A list of structs.
   * @param max how many there may be
   * @throws Malformed
   */
  structs(pointer: number, max: number): readonly StructReader[] {
    const list = this.#pointer(pointer);
    if (list.kind === "null") return [];
    if (list.kind !== "list") throw new Malformed("a pointer to a list is expected");
    const { segment, at, size, count: words } = list;
    if (size !== COMPOSITE) {
      if (words === 0) return [];
      throw new Malformed("a list of structs is expected");
    }
    const tag = this.#segments.holding(segment, at, WORD_BYTES);
    const [count, dataWords, pointers] = [
      tag.readUInt32LE(at) >>> 2,
      tag.readUInt16LE(at + 4),
      tag.readUInt16LE(at + 6),
    ];
    const each = dataWords + pointers;
    if (count * each > words) throw new Malformed("a list is shorter than its elements");
    if (count > max) throw new Malformed(`a list has ${count} elements; at most ${max} are accepted`);
    // Elements of no size cost as well: they are the cheapest way to make much of little.
    const cost = count * Math.max(each, 1) * WORD_BYTES;
    const first = at + WORD_BYTES;
    const buffer = this.#segments.holding(segment, first, count * each * WORD_BYTES, cost);
    const depth = shallower(this.#depth);
    return Array.from({ length: count }, (_, index) => {
      const place: Place = { kind: "struct", segment, at: first + index * each * WORD_BYTES, dataWords, pointers };
      return new StructReader(this.#segments, buffer, place, depth);
    });
  }

  /**
   * Bytes, which are a part of the message.
   * @throws Malformed
   */
  data(pointer: number): Buffer {
    const list = this.#pointer(pointer);
    if (list.kind === "null") return Buffer.alloc(0);
    if (list.kind !== "list" || list.size !== BYTES) throw new Malformed("a list of bytes is expected");
    const { segment, at, count } = list;
    return this.#segments.holding(segment, at, count).subarray(at, at + count);
  }

  /** @throws Malformed also when it is not UTF-8: text that was read for something else than it is must not be acted upon */
  text(pointer: number): string {
    const bytes = this.#text(pointer);
    if (!isUtf8(bytes)) throw new Malformed("a text is not UTF-8");
    return bytes.toString("utf8");
  }

  /**
   * Text that is only shown: what is not UTF-8 in it becomes U+FFFD.
   * @throws Malformed
   */
  shownText(pointer: number): string {
    return this.#text(pointer).toString("utf8");
  }

  /**
   * Index of a capability in the table that came with the message; undefined when there is none.
   * @throws Malformed
   */
  capability(pointer: number): number | undefined {
    const found = this.#pointer(pointer);
    if (found.kind === "null") return undefined;
    if (found.kind !== "capability") throw new Malformed("a capability is expected");
    return found.index;
  }

  #holds(end: number): boolean {
    return end <= this.#dataBytes;
  }

  #pointer(index: number): Pointer {
    const { segment, at, pointers } = this.#place;
    if (index >= pointers) return { kind: "null" };
    return pointerAt(this.#segments, this.#buffer, segment, at + this.#dataBytes + index * WORD_BYTES);
  }

  #text(pointer: number): Buffer {
    const bytes = this.data(pointer);
    if (bytes.length === 0) return bytes;
    if (bytes.at(-1) !== 0) throw new Malformed("a text has no end");
    return bytes.subarray(0, -1);
  }
}

function shallower(depth: number): number {
  if (depth <= 1) throw new Malformed(`structs lie more than ${MAX_DEPTH} deep in each other`);
  return depth - 1;
}

function structAt(segments: Segments, place: Place, depth: number): StructReader {
  const bytes = (place.dataWords + place.pointers) * WORD_BYTES;
  const buffer = segments.holding(place.segment, place.at, bytes);
  return new StructReader(segments, buffer, place, shallower(depth));
}

const NOTHING = new StructReader(
  new Segments([]),
  Buffer.alloc(0),
  { kind: "struct", segment: 0, at: 0, dataWords: 0, pointers: 0 },
  MAX_DEPTH,
);

/**
 * The struct that a message is.
 * @throws Malformed
 */
export function rootOf(segments: Segments): StructReader {
  const buffer = segments.holding(0, 0, WORD_BYTES);
  const place: Place = { kind: "struct", segment: 0, at: 0, dataWords: 0, pointers: 1 };
  return new StructReader(segments, buffer, place, MAX_DEPTH + 1).struct(0);
}
