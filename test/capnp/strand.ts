/** A stream in memory for tests: what is put in is read, what is written is kept. */
import { Duplex } from "node:stream";

export class Strand extends Duplex {
  readonly #written: Buffer[] = [];

  get written(): Buffer {
    return Buffer.concat(this.#written);
  }

  /** The other end sends bytes, in pieces of so many. */
  put(bytes: Buffer, step = bytes.length): void {
    for (let at = 0; at < bytes.length && !this.destroyed; at += Math.max(1, step))
      this.push(bytes.subarray(at, at + step));
  }

  override _read(): void {
    // What there is was put in already.
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#written.push(chunk);
    done();
  }
}
