import type { Captured } from "../../wire/outcome.ts";

/** Where to cut so that no UTF-8 character is split: back over continuation bytes, to the start of the last character. */
export function cutPoint(bytes: Buffer, cap: number): number {
  let at = cap;
  while (at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  return at;
}

/**
 * Keeps the first bytes of a stream up to a cap, and counts the rest without keeping it: memory is bounded by the cap however much is written.
 */
export class Capture {
  readonly #cap: number;
  #buffer = Buffer.alloc(0);
  #kept = 0;
  #total = 0;

  /** @param cap in bytes, 0 or more */
  constructor(cap: number) {
    this.#cap = cap;
  }

  take(chunk: Buffer): void {
    this.#total += chunk.length;
    // One byte more than the cap is kept, to see whether the cut falls inside a character.
    const room = this.#cap + 1 - this.#kept;
    if (room <= 0) return;
    const part = chunk.subarray(0, room);
    this.#reserve(this.#kept + part.length);
    part.copy(this.#buffer, this.#kept);
    this.#kept += part.length;
  }

  /** One buffer that grows, not a list of chunks: output that comes byte by byte would cost a hundred times its size. */
  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const grown = Buffer.alloc(Math.min(this.#cap + 1, Math.max(length, 2 * this.#buffer.length, 4_096)));
    this.#buffer.copy(grown, 0, 0, this.#kept);
    this.#buffer = grown;
  }

  result(): Captured {
    const all = this.#buffer.subarray(0, this.#kept);
    if (this.#total <= this.#cap) return { bytes: all, total: this.#total, truncated: false };
    return { bytes: all.subarray(0, cutPoint(all, this.#cap)), total: this.#total, truncated: true };
  }
}

/** Only counts. */
export class Tally {
  #total = 0;

  take(chunk: Buffer): void {
    this.#total += chunk.length;
  }

  result(): Captured {
    return { bytes: Buffer.alloc(0), total: this.#total, truncated: false };
  }
}
