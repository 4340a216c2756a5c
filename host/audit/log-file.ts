import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  writeSync,
} from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const CONTINUE = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** The file is not the one that was written to, or not as it was left. */
export class ChangedFile extends Error {
  override readonly name = "ChangedFile";
}

/** The file that records are appended to, held open. Whole records are in it, or nothing of them. */
export class LogFile {
  readonly path: string;
  readonly #fd: number;
  readonly #device: number;
  readonly #inode: number;
  #size: number;
  /** Part of a record could not be taken back. */
  #isTorn = false;
  #syncing = 0;
  #isClosed = false;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    const { dev, ino, size } = fstatSync(fd);
    this.#device = dev;
    this.#inode = ino;
    this.#size = size;
  }

  /** Makes a file that was not there. Throws system errors. */
  static create(path: string): LogFile {
    return new LogFile(path, openSync(path, CREATE, 0o600));
  }

  /** Goes on with a file. @throws CodedError `audit_unavailable` when it is no plain file; system errors */
  static open(path: string): LogFile {
    const fd = openSync(path, CONTINUE);
    if (fstatSync(fd).isFile()) return new LogFile(path, fd);
    closeSync(fd);
    throw new CodedError("audit_unavailable", `${printable(path)} is no regular file`);
  }

  get size(): number {
    return this.#size;
  }

  /** @throws ChangedFile when somebody else removed, replaced or changed it; system errors when it cannot be looked at */
  check(): void {
    if (this.#isTorn) this.#takeBack();
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (found === undefined) throw new ChangedFile("the file was removed");
    if (found.ino !== this.#inode || found.dev !== this.#device) throw new ChangedFile("the file was replaced");
    if (found.size !== this.#size) throw new ChangedFile("the file was changed by somebody else");
  }

  /**
   * Appends a whole line, or throws a system error and leaves the file as it was.
   * @param sync also waits until it is on the disk
   */
  append(line: Buffer, sync: boolean): void {
    let written = 0;
    try {
      while (written < line.length)
        written += writeSync(this.#fd, line, written, line.length - written, this.#size + written);
      if (sync) fdatasyncSync(this.#fd);
    } catch (error) {
      this.#isTorn = true;
      try {
        this.#takeBack();
      } catch {
        // tried again before anything else is written
      }
      throw error;
    }
    this.#size += line.length;
  }

  /** Cuts the file to `size` bytes. Throws system errors. */
  cutTo(size: number): void {
    ftruncateSync(this.#fd, size);
    this.#size = size;
  }

  #takeBack(): void {
    ftruncateSync(this.#fd, this.#size);
    this.#isTorn = false;
  }

  syncNow(): void {
    fdatasyncSync(this.#fd);
  }

  /** Waits for the disk beside everything else. */
  async sync(): Promise<void> {
    this.#syncing++;
    try {
      await new Promise<void>((resolve, reject) => {
        fdatasync(this.#fd, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      });
    } finally {
      this.#syncing--;
      if (this.#isClosed && this.#syncing === 0) closeSync(this.#fd);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#syncing === 0) closeSync(this.#fd);
  }
}
