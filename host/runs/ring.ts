/** The last bytes of a stream, as many as fit. */
export class Ring {
  readonly capacity: number;
  #bytes: Buffer | undefined;
  #length = 0;
  /** Where the next byte goes. */
  #at = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    if (this.capacity === 0) return;
    const ring = (this.#bytes ??= Buffer.allocUnsafeSlow(this.capacity));
    const part = bytes.length > this.capacity ? bytes.subarray(bytes.length - this.capacity) : bytes;
    const first = Math.min(part.length, this.capacity - this.#at);
    part.copy(ring, this.#at, 0, first);
    part.copy(ring, 0, first);
    this.#at = (this.#at + part.length) % this.capacity;
    this.#length = Math.min(this.capacity, this.#length + part.length);
  }

  /** A copy of the first `count` of the kept bytes, in the order in which they came. */
  first(count = this.#length): Buffer {
    return this.#copy(0, Math.min(count, this.#length));
  }

  /** A copy of the last `count` of the kept bytes. */
  last(count: number): Buffer {
    const length = Math.min(count, this.#length);
    return this.#copy(this.#length - length, length);
  }

  #copy(skip: number, length: number): Buffer {
    const out = Buffer.allocUnsafe(length);
    if (this.#bytes === undefined) return out;
    const from = (this.#at - this.#length + skip + this.capacity) % this.capacity;
    const first = Math.min(length, this.capacity - from);
    this.#bytes.copy(out, 0, from, from + first);
    this.#bytes.copy(out, first, 0, length - first);
    return out;
  }
}
