/** What is fuzzed, and what has to hold of every input. */
export interface Target {
  readonly name: string;
  /** Paths from the root, or beginnings of them: the modules whose coverage guides the search. */
  readonly modules: readonly string[];
  /** Pieces that inputs are likely to be made of, besides the texts in the modules themselves. */
  readonly tokens: readonly string[];
  /** What stands between the parts of an input, when it has parts; they are also changed as wholes. */
  readonly separator?: string;
  /** Where the search begins, besides the kept corpus. */
  readonly seeds: readonly (string | Buffer)[];
  /** Longest input in bytes. */
  readonly maxBytes: number;
  /** @param directory an empty directory of this run's own */
  readonly start: (directory: string) => Subject;
}

/** One run of a target. */
export interface Subject {
  /** Throws when something does not hold. May put off what is slow, to do it for many inputs at once. */
  readonly check: (input: Buffer) => Promise<void> | void;
  /** The same, with nothing put off; missing when `check` puts nothing off. */
  readonly verify?: (input: Buffer) => Promise<void> | void;
  /** Does what was put off. */
  readonly settle?: () => void;
  /** Gives back what is held open. */
  readonly close?: () => void;
}

/** Something does not hold for an input that was checked together with others. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly input: Buffer;

  constructor(input: Buffer, message: string) {
    super(message);
    this.input = input;
  }
}

/** Throws unless `holds`; the text of a finding begins with it, so it has to be the same for the same defect. */
export function demand(holds: boolean, what: string, detail: unknown = ""): asserts holds {
  if (holds) return;
  const shown = detail === "" ? "" : `: ${JSON.stringify(detail, asPlain).slice(0, 2_000)}`;
  throw new Error(`${what}${shown}`);
}

/** Whether an input is one of the few, one in `every`, that are compared with a program, which is slow. The same for the same input. */
export function isSampled(input: Buffer, every: number): boolean {
  return input.reduce((sum, byte) => (sum * 33 + byte) >>> 0, 5) % every === 0;
}

function asPlain(_: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return value;
}

/** What `work` gives, or what it throws, told apart. */
export function attempt<T>(
  work: () => T,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown } {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
}
