import { Malformed } from "./malformed.ts";
import { Segments, WORD_BYTES } from "./segments.ts";

const MAX_SEGMENTS = 512;
/** Up to here, room for a whole message is made at once. Beyond it only as its bytes come: a header costs its sender nothing. */
const ROOM_AT_ONCE_BYTES = 131_072;
const NO_BYTES = Buffer.alloc(0);

/** Length of the table before the segments: their number less one, the length of each in words, and padding. */
function tableBytes(count: number): number {
  return Math.ceil((4 + count * 4) / WORD_BYTES) * WORD_BYTES;
}

function segmentBytes(bytes: Buffer, index: number): number {
  return bytes.readUInt32LE(4 + index * 4) * WORD_BYTES;
}

/** Cuts a stream of bytes into messages, however it was cut before. Refuses what is too large when it has read its table. */
export class Framer {
  readonly #onMessage: (segments: Segments) => void;
  #maxBytes: number;
  /** Holds the beginning of a message that is not complete. */
  #begun: Buffer = NO_BYTES;
  /** How much of it is there. */
  #length = 0;
  #isStopped = false;

  /** @param onMessage what it is given may be a part of the chunk that was pushed */
  constructor(maxBytes: number, onMessage: (segments: Segments) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  set maxBytes(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What follows is not looked at any more. */
  stop(): void {
    this.#isStopped = true;
    this.#forget();
  }

  /** @throws Malformed, and what `onMessage` throws */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (!this.#isStopped && rest.length > 0) {
      if (this.#length > 0) {
        rest = this.#complete(rest);
        continue;
      }
      const needed = this.#needed(rest);
      if (needed > rest.length) {
        this.#keep(rest, needed);
        return;
      }
      this.#handOn(rest.subarray(0, needed));
      rest = rest.subarray(needed);
    }
  }

  /** Adds to the message that has begun, and returns the bytes behind it. */
  #complete(chunk: Buffer): Buffer {
    const needed = this.#needed(this.#begun.subarray(0, this.#length));
    const part = chunk.subarray(0, needed - this.#length);
    this.#keep(part, needed);
    const message = this.#begun.subarray(0, this.#length);
    if (this.#needed(message) <= message.length) {
      this.#forget();
      this.#handOn(message);
    }
    return chunk.subarray(part.length);
  }

  /** Length of the message that begins with these bytes, as far as they tell: it is more than there are, unless the message is complete. */
  #needed(bytes: Buffer): number {
    if (bytes.length < WORD_BYTES) return WORD_BYTES;
    const count = bytes.readUInt32LE(0) + 1;
    if (count > MAX_SEGMENTS)
      throw new Malformed(`a message has ${count} segments; at most ${MAX_SEGMENTS} are accepted`);
    let needed = tableBytes(count);
    if (bytes.length < needed) return needed;
    for (let index = 0; index < count; index++) needed += segmentBytes(bytes, index);
    if (needed > this.#maxBytes)
      throw new Malformed(`a message has ${needed} bytes; at most ${this.#maxBytes} are accepted`);
    return needed;
  }

  #handOn(message: Buffer): void {
    const count = message.readUInt32LE(0) + 1;
    let at = tableBytes(count);
    const segments = Array.from({ length: count }, (_, index) => {
      const start = at;
      at += segmentBytes(message, index);
      return message.subarray(start, at);
    });
    this.#onMessage(new Segments(segments));
  }

  #keep(part: Buffer, needed: number): void {
    const end = this.#length + part.length;
    if (end > this.#begun.length) {
      const room = Math.min(needed, Math.max(2 * end, ROOM_AT_ONCE_BYTES));
      // Not from the pool: what is handed on may be kept for long.
      const larger = Buffer.allocUnsafeSlow(room);
      this.#begun.copy(larger, 0, 0, this.#length);
      this.#begun = larger;
    }
    part.copy(this.#begun, this.#length);
    this.#length = end;
  }

  #forget(): void {
    this.#begun = NO_BYTES;
    this.#length = 0;
  }
}
