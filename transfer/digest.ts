import { createHash, type Hash } from "node:crypto";
import type { TransferKind } from "./format.ts";
import { VERSION_OF_FORMAT } from "./format.ts";
import type { EntryKind } from "./limits.ts";

/** What is said of an entry besides its content. */
export interface EntryFacts {
  readonly path: string;
  readonly kind: EntryKind;
  /** Permission bits. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Bytes of a file; 0 for everything else. */
  readonly size: number;
}

/**
 * The SHA-256 of a whole transfer: over one line for each entry, in their order, with its facts and the SHA-256 of its content, or where it leads.
 * Keeps the sums of the files, 32 bytes each.
 */
export class Digest {
  readonly #all: Hash = createHash("sha256");
  readonly #sums: Buffer[] = [];

  constructor(kind: TransferKind) {
    this.#line([VERSION_OF_FORMAT, kind]);
  }

  file(facts: EntryFacts, sum: Buffer): void {
    this.#sums.push(sum);
    this.#entry(facts, sum.toString("hex"));
  }

  directory(facts: EntryFacts): void {
    this.#entry(facts, "");
  }

  link(facts: EntryFacts, target: string): void {
    this.#entry(facts, target);
  }

  /** Of the files, in their order. */
  get sums(): readonly Buffer[] {
    return this.#sums;
  }

  /** Lower case hexadecimal; once. */
  whole(): string {
    return this.#all.digest("hex");
  }

  #entry({ path, kind, mode, mtimeNs, size }: EntryFacts, content: string): void {
    this.#line([kind, path, mode, String(mtimeNs), size, content]);
  }

  #line(members: readonly (string | number)[]): void {
    this.#all.update(`${JSON.stringify(members)}\n`);
  }
}
