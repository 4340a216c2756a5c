import { compileGlob, type Glob } from "../../host/util/glob.ts";

const WILD = /[*?[\\]/;

/** Globs over names, in time that is linear in the name. None of them match nothing. */
export class NameGlobs {
  /** Those without wildcards, which are most. */
  readonly #names = new Set<string>();
  readonly #globs: Glob[] = [];
  readonly #isAll: boolean;

  /** @param sources globs that compile; others match nothing */
  constructor(sources: readonly string[]) {
    this.#isAll = sources.includes("**");
    for (const source of sources) {
      const compiled = WILD.test(source) ? compileGlob(source) : undefined;
      if (compiled === undefined) this.#names.add(source);
      else if (compiled.ok) this.#globs.push(compiled.glob);
    }
  }

  match(name: string): boolean {
    return this.#isAll || this.#names.has(name) || this.#globs.some((glob) => glob.matches(name, false));
  }
}
