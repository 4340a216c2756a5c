import { join } from "node:path";
import { fileFinding, misplaced, type Finding } from "./finding.ts";
import { Unfit, type Folder } from "../../util/folder.ts";

/** Bounds of one tree, such as `refs`. Directories are dearer than files: each is opened, and looked at again later. */
const MAX_ENTRIES = 20_000;
const MAX_FOLDERS = 1_000;
const MAX_DEPTH = 16;
/** The first ones say enough. */
const MAX_SAID = 8;

const PACK = "run `git pack-refs --all` inside the container";
const DELETE = "delete it inside the container: git does without what it holds";
/** The trees of a git directory that git reads by name or appends to, and what makes one that is too large small. */
const TREES: readonly (readonly [name: string, fix: string])[] = [
  ["refs", PACK],
  ["logs", DELETE],
  ["reftable", PACK],
  ["info", DELETE],
];

class TooLarge extends Error {}

/** One walk through one tree, which follows no link. */
class Walk {
  readonly findings: Finding[] = [];
  readonly #visit: (folder: Folder) => void;
  #entriesLeft = MAX_ENTRIES;
  #foldersLeft = MAX_FOLDERS;

  constructor(visit: (folder: Folder) => void) {
    this.#visit = visit;
  }

  /** Throws `TooLarge` and system errors. */
  through(folder: Folder, depth: number): void {
    this.#visit(folder);
    for (const { name, kind } of this.#entries(folder)) {
      if (this.findings.length >= MAX_SAID) return;
      if (kind === "directory") this.#into(folder, name, depth + 1);
      else if (kind !== "file" && folder.stats(name) !== undefined)
        this.findings.push(misplaced(join(folder.path, name), kind));
    }
  }

  #entries(folder: Folder) {
    try {
      const entries = folder.entries(this.#entriesLeft);
      this.#entriesLeft -= entries.length;
      return entries;
    } catch (error) {
      if (error instanceof Unfit) throw new TooLarge(`holds more than ${MAX_ENTRIES} entries`);
      throw error;
    }
  }

  #into(outer: Folder, name: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new TooLarge(`is more than ${MAX_DEPTH} directories deep`);
    if (--this.#foldersLeft < 0) throw new TooLarge(`holds more than ${MAX_FOLDERS} directories`);
    const folder = this.#open(outer, name);
    if (folder === undefined) return;
    try {
      this.through(folder, depth);
    } finally {
      folder.close();
    }
  }

  /** Undefined when it is gone by now: git removes directories of refs that became empty. */
  #open(outer: Folder, name: string): Folder | undefined {
    try {
      return outer.open(name);
    } catch (error) {
      if (outer.stats(name) === undefined) return undefined;
      if (!(error instanceof Unfit)) throw error;
      this.findings.push(fileFinding(join(outer.path, name), error.message, "try again when nothing changes it"));
      return undefined;
    }
  }
}

function treeFindings(tree: Folder, fix: string, visit: (folder: Folder) => void): Finding[] {
  const walk = new Walk(visit);
  try {
    // Refuses, as git does, a directory that may be listed but not entered.
    tree.stats("heads");
    walk.through(tree, 0);
    return walk.findings;
  } catch (error) {
    if (error instanceof TooLarge) return [...walk.findings, fileFinding(tree.path, error.message, fix)];
    throw error;
  }
}

/**
 * Links and special files below `refs`, `logs`, `reftable` and `info` of a git directory, through which git would read and
 * write elsewhere, and trees that are too large to look through. A tree that is itself a link is left to
 * `directFindings`. `visit` is told every directory before it is looked at. Throws system errors.
 */
export function treesFindings(gitDirectory: Folder, visit: (folder: Folder) => void): Finding[] {
  return TREES.flatMap(([name, fix]) => {
    if (gitDirectory.stats(name)?.isDirectory() !== true) return [];
    const tree = gitDirectory.open(name);
    try {
      return treeFindings(tree, fix, visit);
    } finally {
      tree.close();
    }
  });
}
