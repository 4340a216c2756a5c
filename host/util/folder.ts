import type { BigIntStats } from "node:fs";
import { DirHandle, DirHandleError, type DirEntry } from "./dir-handle.ts";

export { DirHandleError as Unfit, kindOf, readBounded, type DirEntry as FolderEntry, type Kind } from "./dir-handle.ts";

/** Runs `work`; what is wrong is said without the path, which the caller's text begins with. */
function pathless<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DirHandleError)) throw error;
    throw new DirHandleError(error.what, { cause: error });
  }
}

/** A directory handle for reading, whose errors do not name the path. */
export class Folder {
  readonly #handle: DirHandle;

  private constructor(handle: DirHandle) {
    this.#handle = handle;
  }

  /** Opens a directory that the owner of the host named; links in its path are the owner's. Throws system errors. */
  static openRoot(path: string): Folder {
    return new Folder(DirHandle.openRoot(path));
  }

  get path(): string {
    return this.#handle.path;
  }

  /** Opens a directory in this one. Throws `Unfit` for anything else, links included, and system errors. */
  open(name: string): Folder {
    if (this.stats(name)?.isDirectory() !== true) throw new DirHandleError("is not a directory");
    return new Folder(pathless(() => this.#handle.sub(name)));
  }

  ownStats(): BigIntStats {
    return this.#handle.ownStats();
  }

  /** What the name stands for, without following it; undefined when there is nothing. */
  stats(name: string): BigIntStats | undefined {
    return pathless(() => this.#handle.stats(name));
  }

  /** All bytes of a regular file. Throws `Unfit` for anything else and beyond `limit` bytes, and system errors. */
  read(name: string, limit: number): Buffer {
    return pathless(() => this.#handle.read(name, limit));
  }

  /** The entries, in the system's order. Throws `Unfit` when there are more than `limit`. */
  entries(limit: number): DirEntry[] {
    return pathless(() => this.#handle.entries(limit));
  }

  close(): void {
    this.#handle.close();
  }
}
