import { demand } from "./fault.ts";

/** Where streams of a session take room from, to hold more than they began with. */
export class Pool {
  #left: number;

  /** @param bytes for all streams together */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** As many bytes as there are, up to `wanted`. */
  take(wanted: number): number {
    const taken = Math.min(wanted, this.#left);
    this.#left -= taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/** How much the other side may send on a stream before somebody reads. It grows while much is read, as far as the session has room. */
export class Window {
  readonly #pool: Pool;
  readonly #max: number;
  /** What it began with; the rest is the pool's. */
  readonly #first: number;
  #size: number;
  /** Bytes that may still come. */
  #left: number;
  /** Bytes that were read and not granted again. */
  #owed = 0;

  constructor(first: number, max: number, pool: Pool) {
    this.#first = first;
    this.#size = first;
    this.#left = first;
    this.#max = max;
    this.#pool = pool;
  }

  /** Bytes came. Throws `LinkFault` when they may not. */
  take(bytes: number): void {
    demand(bytes <= this.#left, "data beyond the credit");
    this.#left -= bytes;
  }

  /** Bytes were read. Returns how many are granted now; 0 while it is not worth a message. */
  read(bytes: number): number {
    this.#owed += bytes;
    if (4 * this.#owed < this.#size) return 0;
    const more = this.#pool.take(Math.min(this.#size, this.#max - this.#size));
    this.#size += more;
    const granted = this.#owed + more;
    this.#owed = 0;
    this.#left += granted;
    return granted;
  }

  /** Holds nothing any more, and grants nothing. */
  close(): void {
    this.#pool.giveBack(this.#size - this.#first);
    this.#size = this.#first;
    // From here on `read` is not called.
  }
}
