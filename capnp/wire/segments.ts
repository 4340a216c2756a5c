import { Malformed } from "./malformed.ts";

/** Cap'n Proto counts in words of eight bytes. */
export const WORD_BYTES = 8;

/** What may be read of a message besides twice its length, in bytes. */
const SLACK_BYTES = 1_024;

/**
 * The segments of one message. Whatever is read of it is checked and counted here: no pointer leads outside, and pointers to the same place, or
 * lists of nothing, do not make a small message a large one.
 */
export class Segments {
  /** Of all segments together. */
  readonly byteLength: number;
  readonly #segments: readonly Buffer[];
  #budget: number;

  constructor(segments: readonly Buffer[], budget?: number) {
    this.#segments = segments;
    this.byteLength = segments.reduce((sum, { length }) => sum + length, 0);
    this.#budget = budget ?? 2 * this.byteLength + SLACK_BYTES;
  }

  /** A message that we wrote ourselves: one segment, which may be read as often as anybody likes. */
  static ours(segment: Buffer): Segments {
    return new Segments([segment], Number.POSITIVE_INFINITY);
  }

  /**
   * The segment in which a range lies. `cost` is what reading it counts, at least its length.
   * @throws Malformed when it does not lie there, or too much was read already
   */
  holding(segment: number, at: number, bytes: number, cost = bytes): Buffer {
    const buffer = this.#segments[segment];
    if (buffer === undefined || at < 0 || at + bytes > buffer.length)
      throw new Malformed("a pointer leads out of the message");
    this.#budget -= Math.max(cost, WORD_BYTES);
    if (this.#budget < 0) throw new Malformed("the message is read more often than it is long");
    return buffer;
  }
}
