import { cleanPath } from "./environment.ts";

const MAX_KNOWN = 256;

/**
 * The daemon's PATH, cleaned for a set of workspaces. Cleaning follows every entry on disk, so each answer is kept: an entry whose links change later is
 * seen at the next start. A program that is found on it is itself held against the workspaces every time.
 */
export class SearchPath {
  readonly #path: string;
  readonly #known = new Map<string, string>();

  /** @param path the daemon's own PATH */
  constructor(path: string) {
    this.#path = path;
  }

  /** @param workspaces real paths */
  without(workspaces: readonly string[]): string {
    const key = workspaces.join("\0");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const clean = cleanPath(this.#path, workspaces);
    this.#known.set(key, clean);
    return clean;
  }
}
