import { BYTES, COMPOSITE } from "./pointer.ts";
import { WORD_BYTES } from "./segments.ts";

/** The greatest message that we write or read, in bytes. */
export const MAX_MESSAGE_BYTES = 67_108_864;

/** Before the only segment: the number of segments less one, and its length in words. */
const TABLE_BYTES = 8;

/** Writes one message, of one segment. */
export class MessageWriter {
  #buffer: Buffer;
  #length = TABLE_BYTES;

  /** @param bytes about how many it will have */
  constructor(bytes = 256) {
    this.#buffer = Buffer.allocUnsafe(TABLE_BYTES + WORD_BYTES + bytes);
  }

  /** Becomes another one whenever something is allocated. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** The struct that the message is. To be called once, and first. */
  root(dataWords: number, pointers: number): StructWriter {
    const pointer = this.allocate(1);
    return this.struct(pointer, dataWords, pointers);
  }

  /** @param at where the pointer to the new struct is */
  struct(at: number, dataWords: number, pointers: number): StructWriter {
    const target = this.allocate(dataWords + pointers);
    // The offset of a struct of no size is -1: with 0 the pointer would be null.
    this.#point(at, dataWords + pointers === 0 ? at : target, 0);
    this.#buffer.writeUInt16LE(dataWords, at + 4);
    this.#buffer.writeUInt16LE(pointers, at + 6);
    return new StructWriter(this, target, dataWords);
  }

  /** Points to a list. `size`: the code of the size of its elements. */
  list(at: number, target: number, size: number, count: number): void {
    this.#point(at, target, 1);
    this.#buffer.writeUInt32LE(((count << 3) | size) >>> 0, at + 4);
  }

  /**
   * Where so many zeroed words begin.
   * @throws RangeError when the message grows beyond `MAX_MESSAGE_BYTES`
   */
  allocate(words: number): number {
    const at = this.#length;
    const end = at + words * WORD_BYTES;
    if (end > MAX_MESSAGE_BYTES) throw new RangeError(`a message would have more than ${MAX_MESSAGE_BYTES} bytes`);
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#buffer.fill(0, at, end);
    this.#length = end;
    return at;
  }

  /** The only segment. */
  segment(): Buffer {
    return this.#buffer.subarray(TABLE_BYTES, this.#length);
  }

  /** The whole message, as it is sent. */
  message(): Buffer {
    this.#buffer.writeUInt32LE(0, 0);
    this.#buffer.writeUInt32LE((this.#length - TABLE_BYTES) / WORD_BYTES, 4);
    return this.#buffer.subarray(0, this.#length);
  }

  #point(at: number, target: number, kind: number): void {
    const words = (target - at - WORD_BYTES) / WORD_BYTES;
    this.#buffer.writeInt32LE((words << 2) | kind, at);
  }
}

/** A struct of a message that is being written. Offsets are in bytes, pointers are numbered from 0. */
export class StructWriter {
  readonly #message: MessageWriter;
  readonly #at: number;
  readonly #pointers: number;

  constructor(message: MessageWriter, at: number, dataWords: number) {
    this.#message = message;
    this.#at = at;
    this.#pointers = at + dataWords * WORD_BYTES;
  }

  uint8(offset: number, value: number): void {
    this.#message.buffer.writeUInt8(value, this.#at + offset);
  }

  uint16(offset: number, value: number): void {
    this.#message.buffer.writeUInt16LE(value, this.#at + offset);
  }

  uint32(offset: number, value: number): void {
    this.#message.buffer.writeUInt32LE(value, this.#at + offset);
  }

  int32(offset: number, value: number): void {
    this.#message.buffer.writeInt32LE(value, this.#at + offset);
  }

  uint64(offset: number, value: bigint): void {
    this.#message.buffer.writeBigUInt64LE(value, this.#at + offset);
  }

  struct(pointer: number, dataWords: number, pointers: number): StructWriter {
    return this.#message.struct(this.#place(pointer), dataWords, pointers);
  }

  /** A list of so many structs, all of the same size. */
  structs(pointer: number, count: number, dataWords: number, pointers: number): readonly StructWriter[] {
    const each = dataWords + pointers;
    const tag = this.#message.allocate(1 + count * each);
    this.#message.list(this.#place(pointer), tag, COMPOSITE, count * each);
    const { buffer } = this.#message;
    buffer.writeUInt32LE(count << 2, tag);
    buffer.writeUInt16LE(dataWords, tag + 4);
    buffer.writeUInt16LE(pointers, tag + 6);
    return Array.from(
      { length: count },
      (_, index) => new StructWriter(this.#message, tag + (1 + index * each) * WORD_BYTES, dataWords),
    );
  }

  /** No bytes are written as nothing, which reads the same. */
  data(pointer: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const at = this.#bytes(pointer, bytes.length);
    this.#message.buffer.set(bytes, at);
  }

  /** An empty text is written as nothing, which reads the same. */
  text(pointer: number, text: string): void {
    if (text === "") return;
    const at = this.#bytes(pointer, Buffer.byteLength(text) + 1);
    this.#message.buffer.write(text, at);
  }

  /** @param index into the table of capabilities that goes with the message */
  capability(pointer: number, index: number): void {
    const at = this.#place(pointer);
    this.#message.buffer.writeUInt32LE(3, at);
    this.#message.buffer.writeUInt32LE(index, at + 4);
  }

  #place(pointer: number): number {
    return this.#pointers + pointer * WORD_BYTES;
  }

  #bytes(pointer: number, length: number): number {
    const at = this.#message.allocate(Math.ceil(length / WORD_BYTES));
    this.#message.list(this.#place(pointer), at, BYTES, length);
    return at;
  }
}
