import type { BigIntStats } from "node:fs";
import { kindOf } from "../host/util/dir-handle.ts";
import { CodedError } from "../wire/errors.ts";
import type { Directory } from "./directory.ts";
import type { EntryKind, Tally } from "./limits.ts";
import { isStageName, joined, MAX_PATH_BYTES, objectionToLink, shown } from "./names.ts";
import { about, failed } from "./refusal.ts";

/** What is done with symbolic links: the transfer is refused, they are left out with a notice, or sent as links when they stay inside of the tree. */
export type Links = "refuse" | "skip" | "keep";

/** Something in a tree that is to be sent. */
export interface Found {
  /** From the top. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Of a directory those of the open one; of a file they may have changed until it is opened. */
  readonly stats: BigIntStats;
  /** The directory that it is in, open until the next one is asked for. */
  readonly parent: Directory;
  readonly name: string;
  /** Where a link leads. */
  readonly target: string;
}

export interface WalkOptions {
  readonly links: Links;
  /** Is told how many names are kept, and how deep they are. */
  readonly tally: Tally;
  /** Is told of what is left out, and why. */
  readonly notice: (path: string, why: string) => void;
}

/**
 * Everything in an open directory, each directory before what is in it, names in the order of their bytes. What was removed meanwhile is left out.
 * @throws CodedError `file_denied` for a link that may not be sent; `file_failed`; what the tally throws
 */
export class Walk {
  readonly #options: WalkOptions;
  #names = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  *through(top: Directory): Generator<Found, void> {
    yield* this.#inside(top, "", 1);
  }

  *#inside(parent: Directory, path: string, depth: number): Generator<Found, void> {
    for (const name of this.#namesIn(parent, path)) {
      const at = joined(path, name);
      const stats = about(
        () => shown(at),
        () => parent.stats(name),
      );
      if (stats === undefined) this.#options.notice(at, "was removed meanwhile");
      else if (at.length > MAX_PATH_BYTES)
        throw new CodedError("file_denied", `${shown(at)} is a path of more than ${MAX_PATH_BYTES} bytes`);
      else yield* this.#one(parent, name, at, stats, depth);
    }
  }

  *#one(parent: Directory, name: string, path: string, stats: BigIntStats, depth: number): Generator<Found, void> {
    const found = { path, stats, parent, name, target: "" };
    switch (kindOf(stats)) {
      case "file":
        yield { ...found, kind: "file" };
        return;
      case "link":
        yield* this.#link({ ...found, kind: "link" });
        return;
      case "directory":
        yield* this.#directory({ ...found, kind: "directory" }, depth);
        return;
      case "other":
        this.#options.notice(path, "is neither a file nor a directory");
    }
  }

  *#directory(found: Found, depth: number): Generator<Found, void> {
    this.#options.tally.requireDepth(depth);
    const directory = unlessRemoved(found, this.#options.notice, () => found.parent.sub(found.name));
    if (directory === undefined) return;
    try {
      yield { ...found, stats: directory.ownStats() };
      yield* this.#inside(directory, found.path, depth + 1);
    } finally {
      directory.close();
    }
  }

  *#link(found: Found): Generator<Found, void> {
    const { path } = found;
    switch (this.#options.links) {
      case "skip":
        this.#options.notice(path, "is a symbolic link");
        return;
      case "refuse":
        throw new CodedError("file_denied", `${shown(path)} is a symbolic link`, {
          hint: "Ask for links to be kept or left out, or remove it.",
        });
      case "keep": {
        const target = unlessRemoved(found, this.#options.notice, () => found.parent.readLink(found.name));
        if (target === undefined) return;
        const objection = objectionToLink(path, target);
        if (objection !== undefined)
          throw new CodedError("file_denied", `${shown(path)} is a symbolic link that ${objection}`, {
            hint: "Ask for links to be left out, or remove it.",
          });
        yield { ...found, target };
      }
    }
  }

  /** In a fixed order, so that the same tree gives the same stream. */
  #namesIn(parent: Directory, path: string): readonly string[] {
    const found: string[] = [];
    const list = (): void => {
      for (const name of parent.names()) {
        this.#names++;
        this.#options.tally.requireEntries(this.#names);
        if (isStageName(name)) this.#options.notice(joined(path, name), "belongs to another transfer");
        else found.push(name);
      }
    };
    about(() => shown(path), list);
    return found.sort();
  }
}

/**
 * What `open` returns; undefined, with a notice, when the entry was removed since it was found.
 * @throws CodedError `file_failed`
 */
export function unlessRemoved<T>(found: Found, notice: WalkOptions["notice"], open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (found.parent.stats(found.name) !== undefined) throw failed(error, shown(found.path));
    notice(found.path, "was removed meanwhile");
    return undefined;
  }
}
