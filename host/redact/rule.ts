/** Bytes that a secret of a kind is made of. */
export type Alphabet = Uint8Array;

const DASH = 0x2d;

/** A kind of secret that is known by how it looks. */
export interface Rule {
  /** Stands in the mask, and switches the rule off. */
  readonly id: string;
  readonly about: string;
  /** How it begins; three bytes or more each. */
  readonly starts: readonly string[];
  /** What may stand between the beginning and the secret; undefined when nothing does. */
  readonly lead: Alphabet | undefined;
  /** What may follow: the first other byte ends what is looked at. */
  readonly alphabet: Alphabet;
  /** Bytes that are looked at, from the beginning on. */
  readonly most: number;
  /** Stands in every such secret: without it nothing is looked at any closer. */
  readonly needs: Buffer | undefined;
  /** Sticky, matched against bytes as Latin-1: what stands at the beginning and one byte behind the last. Group 1, when there is one, is what is masked. */
  readonly pattern: RegExp;
  /** Does not count behind one of these. */
  readonly notBehind: Alphabet | undefined;
  /** Begins a block of several lines, which is masked with it. */
  readonly opensKey: boolean;
}

/** The bytes that are named, one by one or as a range such as `A-Z`; a dash at the end is one. */
export function alphabet(characters: string): Alphabet {
  const bytes = new Uint8Array(256);
  const codes = Buffer.from(characters, "latin1");
  for (let at = 0; at < codes.length; at++) {
    const first = codes[at] ?? 0;
    const isRange = codes[at + 1] === DASH && at + 2 < codes.length;
    const last = isRange ? (codes[at + 2] ?? first) : first;
    bytes.fill(1, first, last + 1);
    if (isRange) at += 2;
  }
  return bytes;
}

/** Where the bytes from `from` on that belong to an alphabet end. */
export function runEnd(data: Uint8Array, from: number, limit: number, of: Alphabet): number {
  let at = from;
  while (at < limit && of[data[at] ?? 0] === 1) at++;
  return at;
}
