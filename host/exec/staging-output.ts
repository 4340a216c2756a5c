import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, readSync, writeSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { DirHandleError, type DirHandle } from "../util/dir-handle.ts";

/** An output file that waits for its command to succeed. */
export interface StagedFile {
  /** What the command is given instead of the destination. */
  readonly path: string;
  /**
   * Moves the file to its destination, over a file or link there. Once, after exit code 0. Throws `output_finalize_failed`,
   * and `output_too_large`; nothing appears then.
   */
  finalize(): void;
  /** Removes the file and whatever else the command left beside it. Never throws; a second call does nothing. */
  discard(): void;
}

export const STAGED_NAME = "staged";

/** While it is written nobody else reads the file. */
const STAGED_MODE = 0o600;
/** Most that a finished file gets, less the daemon's umask: its reader may be another user, in a container. */
const OUTPUT_MODE = 0o644;
/** The same for directories on the way to it. */
const PARENT_MODE = 0o755;
/** Copied at a time. */
const COPY_BYTES = 1_048_576;

/** The directories of one staged file, from the workspace to the one it lies in, all of them open. */
export interface StagedPlace {
  readonly workspace: DirHandle;
  readonly slot: DirHandle;
  readonly destination: { readonly absolute: string; readonly relative: string };
  /** Most that the finished file may hold. */
  readonly maxBytes: number | undefined;
  /** Removes everything and closes all handles. */
  readonly cleanUp: () => void;
}

class FinalizeError extends Error {
  override readonly name = "FinalizeError";
}

class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

/**
 * Makes the empty file and returns the mode that it gets at its destination. The umask is read off the new file, because
 * asking node for it changes it for other threads.
 */
export function createStaged(slot: DirHandle): number {
  const fd = slot.createFile(STAGED_NAME, 0o666);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.nlink !== 1) throw new DirHandleError("the new file has other names");
    fchmodSync(fd, STAGED_MODE);
    return stats.mode & OUTPUT_MODE;
  } finally {
    closeSync(fd);
  }
}

/** Whether a file may be placed: nothing but a plain file of our own that has no other name. */
function objectionTo(stats: BigIntStats): string | undefined {
  if (!stats.isFile()) return "it is not a regular file any more";
  if (stats.nlink !== 1n) return "it has other names (hard links)";
  const self = process.geteuid?.();
  return self !== undefined && stats.uid !== BigInt(self) ? `it belongs to user ${stats.uid}` : undefined;
}

/** The staged file of one run. */
export class StagedOutput implements StagedFile {
  readonly path: string;
  readonly #place: StagedPlace;
  readonly #outputMode: number;
  #isDone = false;

  constructor(place: StagedPlace, outputMode: number) {
    this.path = join(place.slot.path, STAGED_NAME);
    this.#place = place;
    this.#outputMode = outputMode;
  }

  finalize(): void {
    try {
      if (this.#isDone) throw new FinalizeError("it was finished before");
      this.#moveIntoPlace();
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.discard();
    }
  }

  discard(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#place.cleanUp();
  }

  #moveIntoPlace(): void {
    const checked = this.#check();
    const parts = this.#place.destination.relative.split("/");
    const name = parts.pop() ?? "";
    const { workspace } = this.#place;
    let parent = workspace;
    try {
      for (const part of parts) {
        // A deep path must not use up the descriptors: only the innermost directory stays open.
        const outer = parent;
        parent = outer.ensure(part, PARENT_MODE);
        if (outer !== workspace) outer.close();
      }
      const moved = this.#move(parent, name, checked);
      const placed = parent.stats(name);
      if (placed?.ino === moved.ino && placed.dev === moved.dev) return;
      if (placed?.isSymbolicLink() === true) parent.removeFile(name);
      throw new FinalizeError("it was replaced while it was moved");
    } finally {
      if (parent !== workspace) parent.close();
    }
  }

  /** Moves the file, or copies it when the destination lies on another file system. Returns what should stand there then. */
  #move(parent: DirHandle, name: string, checked: BigIntStats): Pick<BigIntStats, "dev" | "ino"> {
    try {
      this.#place.slot.move(STAGED_NAME, parent, name);
      return checked;
    } catch (error) {
      if (errnoOf(error) !== "EXDEV") throw error;
    }
    const temporary = `.${randomBytes(16).toString("hex")}.tmp`;
    const to = parent.createFile(temporary, STAGED_MODE);
    try {
      this.#copyTo(to, checked);
      const copied = fstatSync(to, { bigint: true });
      parent.move(temporary, parent, name);
      return copied;
    } catch (error) {
      parent.removeFile(temporary);
      throw error;
    } finally {
      closeSync(to);
    }
  }

  #copyTo(to: number, checked: BigIntStats): void {
    const from = this.#place.slot.openFile(STAGED_NAME);
    try {
      const stats = fstatSync(from, { bigint: true });
      if (stats.ino !== checked.ino || stats.dev !== checked.dev)
        throw new FinalizeError("it was replaced while it was copied");
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      let size = 0;
      for (let count = readSync(from, buffer); count > 0; count = readSync(from, buffer)) {
        size += count;
        this.#requireSize(size);
        for (let written = 0; written < count;) written += writeSync(to, buffer, written, count - written);
      }
      fchmodSync(to, this.#outputMode);
    } finally {
      closeSync(from);
    }
  }

  /** Checks what the command left, on an open handle, and gives it its final mode. */
  #check(): BigIntStats {
    let fd: number;
    try {
      fd = this.#place.slot.openFile(STAGED_NAME);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") throw new FinalizeError("the command removed it", { cause: error });
      if (["ELOOP", "EMLINK"].includes(errnoOf(error) ?? ""))
        throw new FinalizeError("the command replaced it by a link", { cause: error });
      throw error;
    }
    try {
      const stats = fstatSync(fd, { bigint: true });
      const objection = objectionTo(stats);
      if (objection !== undefined) throw new FinalizeError(objection);
      this.#requireSize(stats.size);
      fchmodSync(fd, this.#outputMode);
      return stats;
    } finally {
      closeSync(fd);
    }
  }

  #requireSize(size: number | bigint): void {
    const { maxBytes } = this.#place;
    if (maxBytes !== undefined && size > maxBytes) throw new TooLargeError(`larger than ${maxBytes} bytes`);
  }

  #failure(error: unknown): unknown {
    const { destination } = this.#place;
    const place = quoted(destination.relative);
    if (error instanceof TooLargeError) {
      const text = `the output file for ${place} was not put in place: it is ${error.message}`;
      return new CodedError("output_too_large", text, { cause: error });
    }
    const about = (text: string): CodedError => new CodedError("output_finalize_failed", text, { cause: error });
    if (error instanceof FinalizeError)
      return about(`the output file for ${place} was not put in place: ${error.message}`);
    if (error instanceof DirHandleError) return about(`output to ${place}: ${error.message}`);
    const code = errnoOf(error);
    if (code === undefined) return error;
    const isDirectory = code === "EISDIR" || code === "ENOTEMPTY" || code === "EEXIST";
    return about(`output to ${place}: ${isDirectory ? "a directory stands there" : code}`);
  }
}
