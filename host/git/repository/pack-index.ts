import { closeSync, openSync, readSync } from "node:fs";
import { idBytes, type ObjectFormat, type ObjectId } from "./object-id.ts";

/** `\377tOc`, version 2. */
const MAGIC = Buffer.from([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]);
const FANOUT_BYTES = 256 * 4;
const NAMES_AT = MAGIC.length + FANOUT_BYTES;

function readExactly(fd: number, length: number, position: number): Buffer {
  const bytes = Buffer.alloc(length);
  const count = readSync(fd, bytes, 0, length, position);
  if (count !== length) throw new RangeError("the pack index is cut short");
  return bytes;
}

/**
 * Which objects a pack of the daemon's own has, from its index (version 2). Only for repositories that nobody else writes: the index is believed.
 * Names that begin with the same byte are read at once and kept.
 */
export class PackIndex {
  readonly #fd: number;
  readonly #width: number;
  readonly #fanout: Buffer;
  readonly #buckets = new Map<number, Buffer>();

  /** Throws system errors, and `RangeError` when the file is none. */
  constructor(path: string, format: ObjectFormat) {
    this.#width = idBytes(format);
    this.#fd = openSync(path, "r");
    try {
      if (!readExactly(this.#fd, MAGIC.length, 0).equals(MAGIC)) throw new RangeError("not a pack index of version 2");
      this.#fanout = readExactly(this.#fd, FANOUT_BYTES, MAGIC.length);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  has(id: ObjectId): boolean {
    const wanted = Buffer.from(id, "hex");
    const bucket = this.#bucket(wanted[0] ?? 0);
    let [low, high] = [0, bucket.length / this.#width];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = bucket.compare(wanted, 0, this.#width, middle * this.#width, (middle + 1) * this.#width);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return false;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #bucket(first: number): Buffer {
    const known = this.#buckets.get(first);
    if (known !== undefined) return known;
    const start = first === 0 ? 0 : this.#fanout.readUInt32BE(4 * (first - 1));
    const end = this.#fanout.readUInt32BE(4 * first);
    const bucket = readExactly(this.#fd, (end - start) * this.#width, NAMES_AT + start * this.#width);
    this.#buckets.set(first, bucket);
    return bucket;
  }
}
