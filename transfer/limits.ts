/** Bounds of one transfer. */
export interface TransferLimits {
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Files, directories and links together. */
  readonly maxFiles: number;
  /** Directories inside of each other, the top one not counted; 256 at most, since each level holds a descriptor. */
  readonly maxDepth: number;
}

/** What a machine's policy allows when it says nothing: 1 GiB, 10,000 files and directories, 64 levels. */
export const DEFAULT_LIMITS: TransferLimits = Object.freeze({
  maxBytes: 1_073_741_824,
  maxFiles: 10_000,
  maxDepth: 64,
});

const DEEPEST = 256;
/** Of all paths that are kept together, whatever the limits: they are in memory until everything has come. */
const MAX_PATHS_BYTES = 67_108_864;

/** Throws RangeError for limits that are no whole numbers, or too large to be kept. */
export function requireLimits({ maxBytes, maxFiles, maxDepth }: TransferLimits): void {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!isCount(maxBytes) || !isCount(maxFiles) || !isCount(maxDepth) || maxDepth > DEEPEST)
    throw new RangeError(`limits must be whole numbers, and maxDepth at most ${DEEPEST}`);
}

/** What has passed so far, or is known to come. */
export interface Amount {
  /** Files only. */
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Of all files together. */
  readonly bytes: number;
}

export type EntryKind = "file" | "directory" | "link";

/** Counts what passes, and complains as soon as a limit is passed. */
export class Tally implements Amount {
  files = 0;
  directories = 0;
  links = 0;
  bytes = 0;
  #pathsBytes = 0;
  readonly #limits: TransferLimits;
  readonly #tooMuch: (text: string) => Error;

  /** @param tooMuch makes what is thrown beyond a limit, from what is too much */
  constructor(limits: TransferLimits, tooMuch: (text: string) => Error) {
    requireLimits(limits);
    this.#limits = limits;
    this.#tooMuch = tooMuch;
  }

  get entries(): number {
    return this.files + this.directories + this.links;
  }

  /** @param size of a file; its bytes are counted before they come */
  add(kind: EntryKind, size: number): void {
    if (kind === "file") this.files++;
    else if (kind === "directory") this.directories++;
    else this.links++;
    this.requireEntries(this.entries);
    this.bytes += size;
    const { maxBytes } = this.#limits;
    if (this.bytes > maxBytes) throw this.#tooMuch(`more than ${maxBytes} bytes`);
  }

  /** Before so many names are kept. */
  requireEntries(count: number): void {
    const { maxFiles } = this.#limits;
    if (count > maxFiles) throw this.#tooMuch(`more than ${maxFiles} files and directories`);
  }

  /** Before a path is kept. */
  keepPath(path: string): void {
    this.#pathsBytes += path.length;
    if (this.#pathsBytes > MAX_PATHS_BYTES) throw this.#tooMuch(`paths of more than ${MAX_PATHS_BYTES} bytes together`);
  }

  requireDepth(depth: number): void {
    const { maxDepth } = this.#limits;
    if (depth > maxDepth) throw this.#tooMuch(`directories inside of each other more than ${maxDepth} deep`);
  }

  amount(): Amount {
    const { files, directories, links, bytes } = this;
    return { files, directories, links, bytes };
  }
}
