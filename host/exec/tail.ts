/** Where to begin so that no UTF-8 character is split: over continuation bytes, to the start of the first whole character. */
function beginPoint(bytes: Buffer): number {
  let at = 0;
  while (at < Math.min(3, bytes.length) && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}

/** Keeps the last bytes of a stream up to a cap. */
export class Tail {
  readonly #cap: number;
  #parts: Buffer[] = [];
  #kept = 0;
  #total = 0;

  /** @param cap in bytes, 1 or more */
  constructor(cap: number) {
    this.#cap = cap;
  }

  take(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#total += chunk.length;
    // The chunk may be a part of a buffer that is used again.
    this.#parts.push(Buffer.from(chunk.subarray(Math.max(0, chunk.length - this.#cap))));
    this.#kept += this.#parts.at(-1)?.length ?? 0;
    // Joined from time to time, so that output which comes byte by byte costs no more than twice the cap.
    if (this.#kept > 2 * this.#cap || this.#parts.length > 4_096) this.#join();
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#parts);
    const joined = Buffer.from(all.subarray(Math.max(0, all.length - this.#cap)));
    this.#parts = [joined];
    this.#kept = joined.length;
    return joined;
  }

  result(): Buffer {
    const tail = this.#join();
    return this.#total > this.#cap ? tail.subarray(beginPoint(tail)) : tail;
  }
}
