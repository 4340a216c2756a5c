import type { BigIntStats } from "node:fs";
import { kindOf, type Kind } from "../host/util/dir-handle.ts";
import { CodedError, messageOf } from "../wire/errors.ts";
import type { Directory } from "./directory.ts";
import { joined, shown } from "./names.ts";
import { about, failed } from "./refusal.ts";

/** Something that arrived, and what stands where it is to go. */
interface Pair {
  readonly from: Directory;
  readonly to: Directory;
  readonly name: string;
  /** From the top. */
  readonly path: string;
  readonly stats: BigIntStats;
  readonly existing: BigIntStats | undefined;
}

/** Something that was put in place. */
interface Done {
  /** Of the directory, from the top. */
  readonly directory: string;
  readonly name: string;
  /** What what stood there is kept as; undefined when nothing did, null when it could not be kept. */
  readonly kept: string | undefined | null;
}

const WORDS: Readonly<Record<Kind, string>> = {
  directory: "a directory",
  file: "a file",
  link: "a symbolic link",
  other: "no file or directory",
};

/**
 * Puts what has arrived into a directory that exists, one entry after the other, each at once: a new directory whole, a file over a file, a link over a
 * link. When one cannot be put in place, those before are taken back.
 */
export class Merge {
  readonly #from: Directory;
  readonly #to: Directory;
  readonly #kept: Directory;
  readonly #done: Done[] = [];

  /** @param kept an empty directory on the file system of `from`, for what is replaced */
  constructor(from: Directory, to: Directory, kept: Directory) {
    this.#from = from;
    this.#to = to;
    this.#kept = kept;
  }

  /**
   * Looks whether everything fits. Returns the paths of the directories that exist already, and of those that are moved whole: they have to stay open
   * until then.
   * @throws CodedError `already_exists`, `file_failed`
   */
  check(): ReadonlySet<string> {
    const open = new Set<string>([""]);
    const disk = this.#kept.ownStats().dev;
    this.#walk((pair) => {
      const { path, stats, existing, to } = pair;
      requireFits(pair);
      if (stats.isDirectory()) open.add(path);
      if (to.ownStats().dev !== disk || (existing !== undefined && existing.dev !== disk))
        throw new CodedError("file_failed", `${shown(path)} goes to another file system than the rest`, {
          hint: "Transfer to that file system by itself.",
        });
    });
    return open;
  }

  /**
   * @param finish gives a directory that was moved its final mode and time
   * @throws CodedError `already_exists`, `file_failed`; what was put in place until then is taken back
   */
  move(finish: (directory: Directory, path: string) => void): void {
    try {
      this.#walk((pair) => {
        requireFits(pair);
        if (!pair.stats.isDirectory()) this.#moveFile(pair);
        else if (pair.existing === undefined) this.#moveDirectory(pair, finish);
      });
    } catch (error) {
      const left = this.#takeBack();
      if (left.length === 0) throw error;
      throw new CodedError("file_failed", `${messageOf(error)}; this could not be taken back: ${left.join(", ")}`, {
        hint: "Look at it by hand.",
        cause: error,
      });
    }
  }

  /** Every entry that arrived, beside what stands there; of directories that are on both sides what is in them as well. */
  #walk(visit: (pair: Pair) => void, from = this.#from, to = this.#to, path = ""): void {
    for (const name of [...from.names()].sort()) {
      const at = joined(path, name);
      about(shown(at), () => {
        const stats = from.stats(name);
        if (stats === undefined) return;
        const existing = to.stats(name);
        visit({ from, to, name, path: at, stats, existing });
        if (!stats.isDirectory() || existing?.isDirectory() !== true) return;
        within(from, name, (mine) => {
          within(to, name, (theirs) => {
            this.#walk(visit, mine, theirs, at);
          });
        });
      });
    }
  }

  #moveFile({ from, to, name, path, existing }: Pair): void {
    const kept = existing === undefined ? undefined : this.#keep(to, name);
    from.move(name, to, name);
    this.#done.push({ directory: directoryOf(path), name, kept });
  }

  #moveDirectory({ from, to, name, path }: Pair, finish: (directory: Directory, path: string) => void): void {
    within(from, name, (directory) => {
      from.move(name, to, name);
      this.#done.push({ directory: directoryOf(path), name, kept: undefined });
      finish(directory, path);
    });
  }

  /** Keeps what is going to be replaced, under a second name. Null: the system does not let us. */
  #keep(to: Directory, name: string): string | null {
    const kept = String(this.#done.length);
    try {
      to.link(name, this.#kept, kept);
      return kept;
    } catch {
      return null;
    }
  }

  /** Takes back what was put in place, the last first. Returns for people what could not be. */
  #takeBack(): readonly string[] {
    const left: string[] = [];
    for (const { directory, name, kept } of this.#done.splice(0).reverse()) {
      const path = joined(directory, name);
      try {
        if (kept === null) left.push(shown(path));
        else this.#takeBackOne(directory, name, kept);
      } catch (error) {
        left.push(messageOf(failed(error, shown(path))));
      }
    }
    return left;
  }

  #takeBackOne(path: string, name: string, kept: string | undefined): void {
    const parts = path === "" ? [] : path.split("/");
    const inPlace = (directory: Directory): void => {
      const [first, ...rest] = parts.splice(0);
      if (first !== undefined) {
        parts.push(...rest);
        within(directory, first, inPlace);
      } else if (kept !== undefined) this.#kept.move(kept, directory, name);
      else this.#remove(directory, name);
    };
    inPlace(this.#to);
  }

  /** What was new goes to what will be removed. */
  #remove(directory: Directory, name: string): void {
    if (directory.stats(name)?.isDirectory() === true)
      within(directory, name, (own) => {
        // A directory that we may not write to cannot be moved.
        own.setMode(0o700);
      });
    directory.move(name, this.#kept, `${this.#done.length}-${name}`.slice(0, 64));
  }
}

/** A new directory is moved whole; a file or link goes over one of its own kind; everything else is in the way. */
function requireFits({ path, stats, existing }: Pair): void {
  const [mine, theirs] = [kindOf(stats), existing === undefined ? undefined : kindOf(existing)];
  if (theirs === undefined || mine === theirs) return;
  throw new CodedError("already_exists", `${shown(path)} is ${WORDS[mine]}, and ${WORDS[theirs]} stands there`, {
    hint: "Remove it, or name another destination.",
  });
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

/** Does something with a directory in another one. */
function within(parent: Directory, name: string, work: (directory: Directory) => void): void {
  const directory = parent.sub(name);
  try {
    work(directory);
  } finally {
    directory.close();
  }
}
