/** Something that is looked for, byte for byte: a known secret, or how a secret of a kind begins. */
export interface Literal<T> {
  /** Three bytes or more. */
  readonly bytes: Buffer;
  readonly stands: T;
}

/** How many bytes of each literal the search goes by. */
export const HEAD_BYTES = 3;
const SHIFTS = 0x03;
/** In the table: the two bytes are the first of a literal. */
const BEGINS = 0x80;
const NOTHING: readonly never[] = [];

/** Three bytes as a place in a table that tells most heads from everything else. */
function sieved(a: number, b: number, c: number): number {
  return ((a << 5) ^ (b << 10) ^ (b >> 5) ^ c ^ (a << 12)) & 0xffff;
}

/**
 * Finds many literals in one pass: a table of byte pairs says how far the search may jump (the algorithm of Wu and Manber, with blocks of two bytes
 * over heads of three). Most bytes are never looked at twice, however many literals there are.
 */
export class LiteralSearch<T> {
  readonly #table = new Uint8Array(65_536).fill(2);
  readonly #sieve = new Uint8Array(65_536);
  readonly #first = new Uint8Array(256);
  readonly #heads = new Map<number, Literal<T>[]>();

  constructor(literals: Iterable<Literal<T>>) {
    for (const literal of literals) {
      const [a, b, c] = literal.bytes;
      if (a === undefined || b === undefined || c === undefined) throw new RangeError("a literal has 3 bytes or more");
      this.#first[a] = 1;
      this.#sieve[sieved(a, b, c)] = 1;
      this.#note((a << 8) | b, 1, BEGINS);
      this.#note((b << 8) | c, 0, 0);
      const head = (a << 16) | (b << 8) | c;
      const same = this.#heads.get(head);
      if (same === undefined) this.#heads.set(head, [literal]);
      else same.push(literal);
    }
  }

  #note(pair: number, shift: number, mark: number): void {
    const now = this.#table[pair] ?? 2;
    this.#table[pair] = Math.min(now & SHIFTS, shift) | (now & BEGINS) | mark;
  }

  /** The first place, from `from` on, where a literal's first three bytes stand; -1 when there is none. */
  next(data: Uint8Array, from: number): number {
    const table = this.#table;
    const sieve = this.#sieve;
    const length = data.length;
    let at = from + 2;
    while (at < length) {
      const before = data[at - 1] ?? 0;
      const last = data[at] ?? 0;
      const shift = (table[(before << 8) | last] ?? 2) & SHIFTS;
      if (shift !== 0) {
        at += shift;
        continue;
      }
      const first = data[at - 2] ?? 0;
      if (sieve[sieved(first, before, last)] === 1 && this.#heads.has((first << 16) | (before << 8) | last))
        return at - 2;
      at++;
    }
    return -1;
  }

  /** The literals whose first three bytes stand at a place that `next` found. */
  at(data: Uint8Array, place: number): readonly Literal<T>[] {
    const head = ((data[place] ?? 0) << 16) | ((data[place + 1] ?? 0) << 8) | (data[place + 2] ?? 0);
    return this.#heads.get(head) ?? NOTHING;
  }

  /** Where the last one or two bytes begin that may be the beginning of a literal; the length of `data` when they cannot. */
  tail(data: Uint8Array, from: number): number {
    const { length } = data;
    if (
      length - 2 >= from &&
      ((this.#table[((data[length - 2] ?? 0) << 8) | (data[length - 1] ?? 0)] ?? 0) & BEGINS) !== 0
    )
      return length - 2;
    return length - 1 >= from && this.#first[data[length - 1] ?? 0] === 1 ? length - 1 : length;
  }
}
