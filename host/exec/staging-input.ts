import { createHash } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, read, write, type BigIntStats } from "node:fs";
import { promisify } from "node:util";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { DirHandle, DirHandleError, type Reach } from "../util/dir-handle.ts";

/** A private copy of a file of the workspace. */
export interface StagedInput {
  /** What the command is given. The last part is the file's own name where that is harmless, else `input`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of the copy, lower case hexadecimal. */
  readonly sha256: string;
  /** Removes the copy. Never throws; a second call does nothing. */
  discard(): void;
}

/** What was copied. */
export type Copied = Pick<StagedInput, "size" | "sha256">;

/** While it is written, and when it is finished. */
const COPY_MODE = 0o600;
const INPUT_MODE = 0o400;
/** Copied at a time. */
const COPY_BYTES = 1_048_576;
/** Where there is no /proc, each step compares all the directories above it once more. */
const MAX_DEPTH = 256;
/** Longest path that a message repeats, in bytes. */
const SHOWN_BYTES = 200;
/** Names that mean nothing but themselves to any program: gh, for one, cuts a file's name at `#`. */
const HARMLESS_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}$/;

const INTERNAL = "belongs to git or to cmd2host";

const readChunk = promisify(read);
const writeChunk = promisify(write);

/** What the copy of a file is called. */
export function inputName(relative: string): string {
  const name = relative.slice(relative.lastIndexOf("/") + 1);
  return HARMLESS_NAME.test(name) ? name : "input";
}

function isSame(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

function isUnchanged(before: BigIntStats, now: BigIntStats | undefined): boolean {
  return (
    isSame(before, now) && before.size === now?.size && before.mtimeNs === now.mtimeNs && before.ctimeNs === now.ctimeNs
  );
}

/** Git's own directory or file, also when a file system takes another spelling for it; at the top the staging directory too. */
function isInternal(parent: DirHandle, found: BigIntStats, internal: readonly string[]): boolean {
  return internal.some((name) => isSame(found, parent.stats(name)));
}

/** Opens a directory on the way to the file. */
function enter(parent: DirHandle, part: string): DirHandle {
  try {
    return parent.sub(part);
  } catch (error) {
    if (!(error instanceof DirHandleError)) throw error;
    throw new DirHandleError(`leads over ${quoted(part)}, which ${error.what}`, { cause: error });
  }
}

/** A file of the workspace that is open, with the directory that it lies in. */
export class InputFile {
  readonly #relative: string;
  readonly #limit: number;
  #directory: DirHandle | undefined;
  #fd: number | undefined;

  private constructor(relative: string, limit: number) {
    this.#relative = relative;
    this.#limit = limit;
  }

  /** Opens a regular file of at most `limit` bytes. Throws `input_invalid`. */
  static open(workspaceRoot: string, relative: string, limit: number, internal: string, reach?: Reach): InputFile {
    const file = new InputFile(relative, limit);
    try {
      file.#walk(workspaceRoot, internal, reach);
      return file;
    } catch (error) {
      file.close();
      throw file.#failure(error);
    }
  }

  /** Bytes, as of now. */
  get size(): number {
    if (this.#fd === undefined) throw new RangeError("the file is closed");
    return fstatSync(this.#fd).size;
  }

  /** Copies the file to a new one. Throws `input_invalid`, and what `target` throws. */
  async copyTo(target: CopyTarget): Promise<Copied> {
    const fd = this.#fd;
    if (fd === undefined) throw new RangeError("the file is closed");
    const before = fstatSync(fd, { bigint: true });
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, this.#limit + 1));
    let size = 0;
    for (;;) {
      const { bytesRead } = await this.#attempt(async () => readChunk(fd, buffer, 0, buffer.length, null));
      if (bytesRead === 0) break;
      size += bytesRead;
      if (size > this.#limit) throw this.#invalid(this.#tooLarge());
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      await target.write(chunk);
    }
    await this.#attempt(() => {
      this.#requireUnchanged(fd, before, size);
    });
    target.finish();
    return { size, sha256: hash.digest("hex") };
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#directory?.close();
    this.#directory = undefined;
  }

  #walk(workspaceRoot: string, internal: string, reach: Reach | undefined): void {
    const parts = this.#relative.split("/");
    const name = parts.pop() ?? "";
    if (parts.length > MAX_DEPTH) throw new DirHandleError(`lies in more than ${MAX_DEPTH} directories`);
    let parent = DirHandle.openRoot(workspaceRoot, reach);
    this.#directory = parent;
    let reserved = [".git", internal];
    for (const part of parts) {
      // A deep path must not use up the descriptors: only the innermost directory stays open.
      const outer = parent;
      try {
        parent = enter(outer, part);
        this.#directory = parent;
        if (isInternal(outer, parent.ownStats(), reserved)) throw new DirHandleError(INTERNAL);
      } finally {
        if (parent !== outer) outer.close();
      }
      reserved = [".git"];
    }
    this.#fd = parent.openRegular(name);
    const stats = fstatSync(this.#fd, { bigint: true });
    if (isInternal(parent, stats, reserved)) throw new DirHandleError(INTERNAL);
    if (stats.size > BigInt(this.#limit)) throw new DirHandleError(this.#tooLarge());
  }

  #requireUnchanged(fd: number, before: BigIntStats, size: number): void {
    const name = this.#relative.slice(this.#relative.lastIndexOf("/") + 1);
    const isStill =
      before.size === BigInt(size) &&
      isUnchanged(before, fstatSync(fd, { bigint: true })) &&
      isUnchanged(before, this.#directory?.stats(name));
    if (!isStill) throw new DirHandleError("changed while it was read");
  }

  #tooLarge(): string {
    return `is larger than ${this.#limit} bytes`;
  }

  async #attempt<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    if (error instanceof DirHandleError) return this.#invalid(error.what, error);
    const code = errnoOf(error);
    if (code === undefined) return error;
    return this.#invalid(code === "ENOENT" ? "does not exist" : `cannot be read (${code})`, error);
  }

  #invalid(what: string, cause?: unknown): CodedError {
    return new CodedError("input_invalid", `input file ${quoted(shortened(this.#relative, SHOWN_BYTES))} ${what}`, {
      cause,
    });
  }
}

/** The copy while it is written. All methods throw system errors. */
export class CopyTarget {
  readonly #fd: number;

  /** Makes the file; it must not exist. */
  constructor(directory: DirHandle, name: string) {
    this.#fd = directory.createFile(name, COPY_MODE);
  }

  async write(chunk: Buffer): Promise<void> {
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await writeChunk(this.#fd, chunk, written, chunk.length - written, null);
      written += bytesWritten;
    }
  }

  /** Nobody is to write to it any more. */
  finish(): void {
    fchmodSync(this.#fd, INPUT_MODE);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
