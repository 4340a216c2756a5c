/** Up to this length a loop is faster than a call that copies. */
const SHORT = 48;

/** Bytes that are added at the end, in one piece of memory that grows by doubling. Many small writes cost no more than one large one. */
export class GrowingBytes {
  #memory = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds `bytes`, or what of them stands from `from` to `to`. */
  append(bytes: Buffer, from = 0, to = bytes.length): void {
    const needed = this.#length + to - from;
    if (needed > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#memory.length, 256));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    if (to - from > SHORT) bytes.copy(this.#memory, this.#length, from, to);
    else for (let at = from, put = this.#length; at < to; at++, put++) this.#memory[put] = bytes[at] ?? 0;
    this.#length = needed;
  }

  /** What is there now, without a copy: good until the next change. */
  view(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  equals(bytes: Buffer): boolean {
    if (bytes.length !== this.#length) return false;
    if (bytes.length > SHORT) return this.view().equals(bytes);
    let at = 0;
    while (at < bytes.length && bytes[at] === this.#memory[at]) at++;
    return at === bytes.length;
  }

  /** Takes the last byte off. */
  pop(): number | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    return this.#memory[this.#length];
  }

  clear(): void {
    this.#length = 0;
  }

  /** Gives the memory back. */
  free(): void {
    this.#memory = Buffer.alloc(0);
    this.#length = 0;
  }
}

/** The last bytes of a stream: at most `capacity`, in one piece of memory that grows up to it. */
export class LastBytes {
  readonly #capacity: number;
  #memory = Buffer.alloc(0);
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds at the end. Returns how many bytes no longer fit: the oldest, also of `bytes`. */
  push(bytes: Buffer): number {
    if (bytes.length <= SHORT && this.#memory.length === this.#capacity) return this.#pushShort(bytes);
    return this.#pushAny(bytes);
  }

  /** Takes the last byte off. */
  pop(): number | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    return this.#memory[(this.#start + this.#length) % this.#memory.length];
  }

  /** Takes the oldest bytes off. */
  shift(count: number): void {
    this.#length -= count;
    this.#start = this.#length === 0 ? 0 : (this.#start + count) % this.#memory.length;
  }

  clear(): void {
    this.shift(this.#length);
  }

  /** A copy of what is there, oldest first. */
  copy(): Buffer {
    const end = this.#start + this.#length;
    return Buffer.concat([
      this.#memory.subarray(this.#start, end),
      this.#memory.subarray(0, Math.max(0, end - this.#memory.length)),
    ]);
  }

  #reserve(needed: number): void {
    if (needed <= this.#memory.length && this.#memory.length > 0) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#capacity, Math.max(needed, 2 * this.#memory.length, 256)));
    this.copy().copy(larger);
    this.#memory = larger;
    this.#start = 0;
  }

  /** The same byte by byte, once the memory has its full size. */
  #pushShort(bytes: Buffer): number {
    let dropped = 0;
    for (const byte of bytes) {
      this.#memory[(this.#start + this.#length) % this.#capacity] = byte;
      if (this.#length < this.#capacity) this.#length++;
      else {
        this.#start = (this.#start + 1) % this.#capacity;
        dropped++;
      }
    }
    return dropped;
  }

  #pushAny(bytes: Buffer): number {
    const excess = Math.max(0, this.#length + bytes.length - this.#capacity);
    const oldest = Math.min(excess, this.#length);
    this.shift(oldest);
    const fresh = bytes.subarray(excess - oldest);
    this.#reserve(this.#length + fresh.length);
    const at = (this.#start + this.#length) % this.#memory.length;
    const first = fresh.subarray(0, this.#memory.length - at);
    this.#memory.set(first, at);
    this.#memory.set(fresh.subarray(first.length), 0);
    this.#length += fresh.length;
    return excess;
  }
}
