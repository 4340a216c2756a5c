import type { Random } from "./random.ts";

/** What a mutation may draw from. */
export interface Material {
  readonly random: Random;
  readonly tokens: readonly Buffer[];
  /** Another input of the corpus. */
  readonly other: () => Buffer;
  readonly maxBytes: number;
  /** What stands between the parts of an input, when it has parts. */
  readonly separator?: string | undefined;
}

type Mutator = (input: Buffer, material: Material) => Buffer;

const PRINTABLE = Buffer.from(" \n\t\r\"'\\/.,:;=#[]{}()<>*?+-_~^@!%&|$0129azAZ");
const EXTREME = [0x00, 0x01, 0x0b, 0x0c, 0x1b, 0x7f, 0x80, 0xa0, 0xc2, 0xe2, 0xef, 0xf0, 0xfe, 0xff];

/** A range inside the input, possibly at its end. */
function range(input: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(input.length + 1);
  return [start, Math.min(input.length, start + random.length(input.length))];
}

function spliced(input: Buffer, start: number, end: number, inserted: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, start), inserted, input.subarray(end)]);
}

function changed(input: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(input);
  if (at < copy.length) copy[at] = byte;
  return copy;
}

const MUTATORS: readonly Mutator[] = [
  // flips a bit
  (input, { random }) => {
    const at = random.below(input.length);
    return changed(input, at, (input[at] ?? 0) ^ (1 << random.below(8)));
  },
  // overwrites a byte
  (input, { random }) => changed(input, random.below(input.length), random.below(256)),
  (input, { random }) => changed(input, random.below(input.length), random.of([...PRINTABLE])),
  // counts up or down
  (input, { random }) => {
    const at = random.below(input.length);
    return changed(input, at, ((input[at] ?? 0) + random.below(5) + 254) & 0xff);
  },
  // inserts a byte
  (input, { random }) => {
    const at = random.below(input.length + 1);
    return spliced(input, at, at, Buffer.of(random.of(random.below(3) === 0 ? EXTREME : [...PRINTABLE])));
  },
  // removes a range
  (input, { random }) => spliced(input, ...range(input, random), Buffer.alloc(0)),
  // repeats a range
  (input, { random }) => {
    const [start, end] = range(input, random);
    const times = random.below(6) === 0 ? random.length(64) : 1;
    const piece = input.subarray(start, end);
    return spliced(input, end, end, Buffer.concat(Array.from({ length: times }, () => piece)));
  },
  // copies a range elsewhere
  (input, { random }) => {
    const [start, end] = range(input, random);
    const to = random.below(input.length + 1);
    return spliced(input, to, random.below(2) === 0 ? to : to + end - start, input.subarray(start, end));
  },
  // puts in a token
  (input, { random, tokens }) => {
    if (tokens.length === 0) return input;
    const [start, end] = range(input, random);
    return spliced(input, start, random.below(2) === 0 ? start : end, random.of(tokens));
  },
  // takes a range from another input
  (input, { random, other }) => {
    const from = other();
    const [start, end] = range(input, random);
    return spliced(input, start, random.below(2) === 0 ? start : end, from.subarray(...range(from, random)));
  },
  // crosses two inputs
  (input, { random, other }) => {
    const from = other();
    return Buffer.concat([
      input.subarray(0, random.below(input.length + 1)),
      from.subarray(random.below(from.length + 1)),
    ]);
  },
];

/** Replaces, inserts, removes, repeats or moves whole parts. */
const changeParts: Mutator = (input, { random, tokens, other, separator = "" }) => {
  const split = (bytes: Buffer): string[] => bytes.toString("latin1").split(separator);
  const parts = split(input);
  const at = random.below(parts.length);
  const token = tokens.length === 0 ? Buffer.of() : random.of(tokens);
  const added = random.of([token.toString("latin1"), random.of(split(other())), random.of(parts)]);
  const action = random.below(5);
  if (action === 0) parts[at] = added;
  else if (action === 1) parts.splice(at, 0, added);
  else if (action === 2) parts.push(added);
  else if (action === 3) parts.splice(at, 1);
  else parts.splice(at, 0, ...parts.splice(random.below(parts.length), 1));
  return Buffer.from(parts.join(separator), "latin1");
};

/** A variation of an input: one to six small changes, more often few. */
export function mutated(input: Buffer, material: Material): Buffer {
  const { random, maxBytes } = material;
  let out = input;
  for (let left = 1 + Math.min(random.below(6), random.below(6)); left > 0; left--) {
    const mutate = material.separator !== undefined && random.below(3) === 0 ? changeParts : random.of(MUTATORS);
    out = mutate(out.length === 0 ? Buffer.of(random.below(256)) : out, material);
  }
  return out.length > maxBytes ? out.subarray(0, maxBytes) : out;
}
