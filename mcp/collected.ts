import { isUtf8 } from "node:buffer";

/** What was kept of a stream whose end has come. */
export interface Collected {
  /** Bytes in all. */
  readonly total: number;
  /** Line feeds in all. */
  readonly lineFeeds: number;
  /** True when all bytes are UTF-8. */
  readonly isText: boolean;
  /** The first bytes; all of them when `tail` is undefined. */
  readonly head: Buffer;
  /** The last bytes, when something between was not kept. */
  readonly tail: Buffer | undefined;
}

const LINE_FEED = 0x0a;

/** How many bytes at the end are the beginning of a character that is not complete: 0 to 3. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? back : 0;
    }
  }
  return 0;
}

/** Tells whether bytes that come in pieces are UTF-8. */
class Utf8Check {
  #valid = true;
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    if (!this.#valid) return;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const open = unfinished(all);
    this.#valid = isUtf8(all.subarray(0, all.length - open));
    this.#rest = Buffer.from(all.subarray(all.length - open));
  }

  /** @param cut the stream was cut by somebody, perhaps inside a character */
  result(cut: boolean): boolean {
    return this.#valid && (cut || this.#rest.length === 0);
  }
}

/** Keeps the first and the last bytes of a stream, in memory that is bounded whatever comes. */
export class Collector {
  readonly #limit: number;
  readonly #text = new Utf8Check();
  #head: Buffer = Buffer.alloc(0);
  #headLength = 0;
  /** What follows the head, in a ring once it is full. */
  #ring: Buffer = Buffer.alloc(0);
  #ringLength = 0;
  #total = 0;
  #lineFeeds = 0;

  /** @param limit bytes that are kept of the beginning, and as many of the end */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(bytes: Buffer): void {
    this.#total += bytes.length;
    for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) this.#lineFeeds++;
    this.#text.push(bytes);
    if (this.#head.length === 0) this.#head = Buffer.allocUnsafe(this.#limit);
    const first = bytes.copy(this.#head, this.#headLength, 0, this.#limit - this.#headLength);
    this.#headLength += first;
    if (first < bytes.length) this.#pushRing(bytes.subarray(first));
  }

  #pushRing(bytes: Buffer): void {
    if (this.#ring.length === 0) this.#ring = Buffer.allocUnsafe(this.#limit);
    const last = bytes.subarray(Math.max(0, bytes.length - this.#limit));
    const at = (this.#ringLength + bytes.length - last.length) % this.#limit;
    const first = last.copy(this.#ring, at);
    last.copy(this.#ring, 0, first);
    this.#ringLength += bytes.length;
  }

  /** @param cut true when more was written than came here */
  end(cut: boolean): Collected {
    const common = { total: this.#total, lineFeeds: this.#lineFeeds, isText: this.#text.result(cut) };
    const head = this.#head.subarray(0, this.#headLength);
    if (this.#ringLength <= this.#limit)
      return { ...common, head: Buffer.concat([head, this.#ring.subarray(0, this.#ringLength)]), tail: undefined };
    const at = this.#ringLength % this.#limit;
    return { ...common, head, tail: Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)]) };
  }
}
