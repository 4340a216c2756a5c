import type { Writable } from "node:stream";

/** What may wait for a slow reader before no more is taken. */
const MAX_WAITING_BYTES = 8_388_608;

/** One of our own output streams, behind a bounded buffer. */
export class PacedStream {
  readonly #stream: Writable;
  #wait: { readonly promise: Promise<void>; readonly go: () => void } | undefined;
  #gone = false;
  #hasten = false;

  /** @param failed called once, when the stream takes nothing more (EPIPE, ENOSPC, …) */
  constructor(stream: Writable, failed: (error: Error) => void) {
    this.#stream = stream;
    stream.on("drain", () => {
      this.#go();
    });
    stream.on("error", (error) => {
      if (this.#gone) return;
      this.#gone = true;
      this.#go();
      failed(error);
    });
  }

  /** Takes bytes; a promise says when there is room for more. */
  write(bytes: Buffer): Promise<void> | undefined {
    const isFull = this.#stream.writableLength > MAX_WAITING_BYTES;
    if (this.#gone || (this.#hasten && isFull)) return undefined;
    this.#stream.write(bytes);
    if (this.#hasten || this.#stream.writableLength <= MAX_WAITING_BYTES) return undefined;
    if (this.#wait === undefined) {
      let go: () => void = () => undefined;
      const promise = new Promise<void>((resolve) => (go = resolve));
      this.#wait = { promise, go };
    }
    return this.#wait.promise;
  }

  /** From now on takes everything at once, and drops what does not fit: nobody waits for it any more. */
  hasten(): void {
    this.#hasten = true;
    this.#go();
  }

  /** Resolves when everything is written, or nothing can be any more. */
  async flushed(): Promise<void> {
    if (this.#gone) return;
    await new Promise<void>((resolve) => {
      this.#stream.once("error", () => {
        resolve();
      });
      this.#stream.write("", () => {
        resolve();
      });
    });
  }

  #go(): void {
    this.#wait?.go();
    this.#wait = undefined;
  }
}
