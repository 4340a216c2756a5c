const FIRST_BLOCK = 1_024;
const LARGEST_BLOCK = 65_536;
/** Smaller chunks are copied together: a list of them would cost many times their size. */
const OWN_SEGMENT = 4_096;

interface Segment {
  readonly block: Buffer;
  start: number;
  end: number;
}

/**
 * Bytes that wait, in the order in which they came. Large chunks are taken as they are; small ones, and small parts of large buffers, are copied into
 * blocks of our own, so that nothing large is kept alive for something small.
 */
export class Blocks {
  readonly #segments: Segment[] = [];
  #block = Buffer.alloc(0);
  #used = 0;
  #nextBlock = FIRST_BLOCK;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    this.#length += bytes.length;
    if (bytes.length >= OWN_SEGMENT && 2 * bytes.length >= bytes.buffer.byteLength) {
      this.#segments.push({ block: bytes, start: 0, end: bytes.length });
      return;
    }
    for (let at = 0; at < bytes.length;) at += this.#copy(bytes, at);
  }

  /** The first bytes, as views: at most `maxBytes`, and at most `maxViews` of them. What they show never changes. */
  views(maxBytes = Number.POSITIVE_INFINITY, maxViews = Number.POSITIVE_INFINITY): Buffer[] {
    const views: Buffer[] = [];
    let left = maxBytes;
    for (const { block, start, end } of this.#segments) {
      if (left <= 0 || views.length >= maxViews) break;
      const view = block.subarray(start, Math.min(end, start + left));
      views.push(view);
      left -= view.length;
    }
    return views;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#length -= count;
    let whole = 0;
    let left = count;
    for (const segment of this.#segments) {
      const length = segment.end - segment.start;
      if (length > left) {
        segment.start += left;
        break;
      }
      left -= length;
      whole++;
    }
    this.#segments.splice(0, whole);
  }

  #copy(bytes: Buffer, from: number): number {
    if (this.#used === this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(this.#nextBlock);
      this.#used = 0;
      this.#nextBlock = Math.min(LARGEST_BLOCK, 2 * this.#nextBlock);
    }
    const count = bytes.copy(this.#block, this.#used, from);
    const last = this.#segments.at(-1);
    if (last?.block === this.#block && last.end === this.#used) last.end += count;
    else this.#segments.push({ block: this.#block, start: this.#used, end: this.#used + count });
    this.#used += count;
    return count;
  }
}
