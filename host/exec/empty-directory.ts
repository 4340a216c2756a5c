import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Empty directories for programs that must not run in a workspace: one for each run, gone when the run is over. What a program leaves there goes with
 * it.
 */
export class EmptyDirectories {
  readonly #root: string;

  /** @param root a directory of the daemon's own, 0700; what earlier daemons left in it is removed */
  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true, force: true });
  }

  /** Runs `work` with the path of a new empty directory. */
  async within<T>(work: (directory: string) => Promise<T>): Promise<T> {
    const directory = mkdtempSync(join(this.#root, "run-"));
    try {
      return await work(directory);
    } finally {
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}
