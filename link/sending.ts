import { demand } from "./fault.ts";
import { MAX_CREDIT_BYTES, MAX_DATA_BYTES } from "./limits.ts";
import { HEADER_BYTES, MESSAGE, messageIn, messageRoom } from "./message.ts";

/** From here on a message takes memory that is used again and again. */
const LARGE = 32_768;

type Done = (error?: Error | null) => void;

/** What a stream has been given and not sent, and how much the other side takes. */
export class Sending {
  #chunks: readonly Buffer[] = [];
  /** Where the rest begins: the chunk, and the byte in it. */
  #index = 0;
  #offset = 0;
  #length = 0;
  #done: Done | undefined;
  #credit: number;

  /** @param credit bytes that the other side takes from the beginning */
  constructor(credit: number) {
    this.#credit = credit;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  get canSend(): boolean {
    return this.#length > 0 && this.#credit > 0;
  }

  /** Throws `LinkFault` when it becomes more than anybody gives. */
  add(credit: number): void {
    demand(credit > 0 && this.#credit + credit <= MAX_CREDIT_BYTES, "more credit than there is");
    this.#credit += credit;
  }

  /** @param done called when all is sent, or will not be */
  give(chunks: readonly Buffer[], done: Done): void {
    this.#chunks = chunks;
    this.#index = 0;
    this.#offset = 0;
    this.#length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#done = done;
  }

  /** The next message, to be sent at once; only while `canSend`. Small chunks are put together. */
  next(stream: number, memory: () => ArrayBuffer): Buffer {
    const length = Math.min(this.#length, this.#credit, MAX_DATA_BYTES);
    const message =
      length < LARGE ? messageRoom(MESSAGE.data, length, stream) : messageIn(memory(), MESSAGE.data, length, stream);
    let at = HEADER_BYTES;
    for (let chunk = this.#chunks[this.#index]; chunk !== undefined && at < message.length;) {
      const copied = chunk.copy(message, at, this.#offset);
      at += copied;
      this.#offset += copied;
      if (this.#offset < chunk.length) break;
      this.#offset = 0;
      chunk = this.#chunks[++this.#index];
    }
    this.#length -= length;
    this.#credit -= length;
    return message;
  }

  /** Nothing is left to be sent of what was given, or nobody wants it any more. */
  settle(): void {
    const done = this.#done;
    this.#done = undefined;
    this.#chunks = [];
    this.#length = 0;
    done?.();
  }
}
