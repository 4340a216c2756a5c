import { errnoOf } from "../../wire/errors.ts";
import { DirHandleError, type DirHandle } from "../util/dir-handle.ts";

/** Deeper directories are left: each level holds a descriptor, and no program that writes one file makes as many. */
const MAX_DEPTH = 32;

/** Bounds what one clean-up may do, since whoever fills a staging directory decides how much there is to remove. */
export class RemovalBudget {
  #left: number;

  constructor(entries: number) {
    this.#left = entries;
  }

  get isUsedUp(): boolean {
    return this.#left === 0;
  }

  /** False when nothing is left. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}

/**
 * Removes an entry with all that is in it, without following links. Returns false when something remains: the budget is
 * used up, it is too deep, or the system refuses.
 */
export function removeEntry(parent: DirHandle, name: string, budget: RemovalBudget, depth = 0): boolean {
  if (!budget.take()) return false;
  try {
    const stats = parent.stats(name);
    if (stats === undefined) return true;
    if (!stats.isDirectory()) parent.removeFile(name);
    else if (depth < MAX_DEPTH && emptyDirectory(parent, name, budget, depth)) parent.removeDirectory(name);
    else return false;
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined && !(error instanceof DirHandleError)) throw error;
    return errnoOf(error) === "ENOENT";
  }
}

function emptyDirectory(parent: DirHandle, name: string, budget: RemovalBudget, depth: number): boolean {
  const directory = parent.sub(name);
  try {
    let isEmpty = true;
    for (const entry of directory.names()) {
      if (!removeEntry(directory, entry, budget, depth + 1)) isEmpty = false;
      if (!isEmpty && budget.isUsedUp) return false;
    }
    return isEmpty;
  } finally {
    directory.close();
  }
}
