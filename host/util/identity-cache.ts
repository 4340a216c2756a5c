import { identityOf, isSettled, sameIdentity, type FileIdentity } from "./read-trusted.ts";

interface Entry<T> {
  readonly value: T;
  readonly paths: readonly string[];
  readonly identities: readonly (FileIdentity | undefined)[];
  readonly settled: boolean;
}

/**
 * Keeps what was made from files, for as long as none of them changed. A hit costs one stat per file. What was read within a clock tick of
 * a change is not trusted a second time (the rule that git uses for its index), so nothing stale is ever returned.
 * A loader that throws leaves nothing behind.
 */
export class IdentityCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #max: number;

  /** @param max entries kept; the oldest goes first */
  constructor(max: number) {
    this.#max = max;
  }

  /** The value for `key`, made by `load` when it is not there or one of `paths` is not what it was. */
  get(key: string, paths: readonly string[], load: () => T): T {
    const entry = this.#entries.get(key);
    if (
      entry?.settled === true &&
      entry.paths.every((path, index) => sameIdentity(identityOf(path), entry.identities[index]))
    ) {
      return entry.value;
    }
    this.#entries.delete(key);
    const readAt = Date.now();
    const identities = paths.map(identityOf);
    const value = load();
    const unchanged = paths.every((path, index) => sameIdentity(identityOf(path), identities[index]));
    const settled = unchanged && identities.every((identity) => isSettled(identity, readAt));
    this.#entries.set(key, { value, paths, identities, settled });
    this.#trim();
    return value;
  }

  #trim(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#max) return;
      this.#entries.delete(key);
    }
  }
}
