import { closeSync, createReadStream, fchmodSync, fchownSync, futimesSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import { DirHandleError, type DirHandle } from "../../util/dir-handle.ts";
import type { ObjectId } from "../repository/object-id.ts";
import { DamagedRefs, readPlain, within } from "../repository/refs.ts";

const DIRECTORY = 0o755;
const REF_FILE = 0o644;
const OBJECT_FILE = 0o444;
const MAX_PACKED_BYTES = 64 * 1_048_576;
/** Empty directories in one directory, and one in another, that are removed for a ref. */
const MAX_EMPTY = 1_000;
const MAX_DEPTH = 16;

function failed(name: string, error: unknown): unknown {
  const errno = errnoOf(error);
  const isOurs = error instanceof DirHandleError || error instanceof DamagedRefs;
  if (errno === undefined && !isOurs) return error;
  const reason = isOurs
    ? error.message
    : ({
        EEXIST: "is locked: a .lock file stands beside it",
        EISDIR: "is a directory",
        ENOTEMPTY: "is a directory that is not empty",
        ENOTDIR: "a file stands on the way",
      }[errno ?? ""] ?? errno);
  return new CodedError("git_write_back_failed", `the workspace's ${quoted(name)} could not be written: ${reason}`, {
    cause: error,
  });
}

/** A daemon of the administrator would leave files that their workspace's owner cannot change: what it makes belongs to whom the directory belongs. */
function isAdministrator(): boolean {
  return process.geteuid?.() === 0;
}

/** Opens a directory; makes it when it is missing. */
function ensure(directory: DirHandle, name: string): DirHandle {
  const isNew = directory.stats(name) === undefined;
  const made = directory.ensure(name, DIRECTORY);
  const { uid, gid } = directory.ownStats();
  if (isNew && isAdministrator()) made.giveTo(uid, gid);
  return made;
}

function createFile(directory: DirHandle, name: string, mode: number): number {
  const fd = directory.createFile(name, mode);
  const { uid, gid } = directory.ownStats();
  if (isAdministrator()) fchownSync(fd, Number(uid), Number(gid));
  return fd;
}

/** Opens, and makes where missing, the directories on the way; runs `work` in the last. No link is followed. */
function inside<T>(directory: DirHandle, parts: readonly string[], work: (last: DirHandle) => T): T {
  const [first, ...rest] = parts;
  if (first === undefined) return work(directory);
  const next = ensure(directory, first);
  try {
    return inside(next, rest, work);
  } finally {
    next.close();
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

/** Replaces a file the way git does: a new file `NAME.lock` that nobody else has, moved over the old one. */
function replaceFile(directory: DirHandle, leaf: string, content: Buffer, writtenAt?: number): void {
  const lock = `${leaf}.lock`;
  const fd = createFile(directory, lock, REF_FILE);
  try {
    try {
      writeAll(fd, content);
      if (writtenAt !== undefined) futimesSync(fd, writtenAt, writtenAt);
    } finally {
      closeSync(fd);
    }
    directory.move(lock, directory, leaf);
  } catch (error) {
    directory.removeFile(lock);
    throw error;
  }
}

/** Removes the empty directories that deleted refs left: they are in the way of a ref of their name. */
function removeEmpty(directory: DirHandle, name: string, depth: number): void {
  const inner = directory.sub(name);
  try {
    for (const entry of inner.entries(MAX_EMPTY))
      if (entry.kind === "directory" && depth < MAX_DEPTH) removeEmpty(inner, entry.name, depth + 1);
  } finally {
    inner.close();
  }
  directory.removeDirectory(name);
}

/** Puts objects and refs into a workspace's repository, by open directories, following no link. */
export class WriteBack {
  readonly #common: DirHandle;

  constructor(common: DirHandle) {
    this.#common = common;
  }

  /** Copies a pack and then its index, so that nobody sees an index without its pack. @param base path without the suffix */
  async pack(base: string, name: string): Promise<void> {
    try {
      await this.#copy(`${base}.pack`, "pack", `${name}.pack`);
      await this.#copy(`${base}.idx`, "pack", `${name}.idx`);
    } catch (error) {
      throw failed(`objects/pack/${name}`, error);
    }
  }

  /** Sets a ref. */
  ref(name: string, id: ObjectId): void {
    const parts = name.split("/");
    const leaf = parts.pop() ?? "";
    try {
      inside(this.#common, parts, (directory) => {
        if (directory.stats(leaf)?.isDirectory() === true) removeEmpty(directory, leaf, 0);
        replaceFile(directory, leaf, Buffer.from(`${id}\n`));
      });
    } catch (error) {
      throw failed(name, error);
    }
  }

  /** Replaces a file directly in the directory, like HEAD or the index. @param writtenAt what it shall say about its age, in seconds */
  file(name: string, content: Buffer, writtenAt?: number): void {
    try {
      replaceFile(this.#common, name, content, writtenAt);
    } catch (error) {
      throw failed(name, error);
    }
  }

  /** Copies a loose object. @param name as in the object store, `xx/rest` */
  async loose(from: string, name: string): Promise<void> {
    const [fan = "", rest = ""] = name.split("/");
    try {
      await this.#copy(from, fan, rest);
    } catch (error) {
      throw failed(`objects/${name}`, error);
    }
  }

  /** Deletes refs, the packed ones too. */
  deleteRefs(names: readonly string[]): void {
    if (names.length === 0) return;
    const gone = new Set(names);
    try {
      const lines = (readPlain(this.#common, "packed-refs", MAX_PACKED_BYTES)?.toString("latin1") ?? "").split("\n");
      let isGone = false;
      const kept = lines.filter((line) => {
        // A line with `^` belongs to the one before it.
        if (!line.startsWith("^"))
          isGone = gone.has(Buffer.from(line.slice(line.indexOf(" ") + 1), "latin1").toString("utf8"));
        return !isGone;
      });
      if (kept.length < lines.length) replaceFile(this.#common, "packed-refs", Buffer.from(kept.join("\n"), "latin1"));
      for (const name of names) this.#deleteLoose(name);
    } catch (error) {
      throw failed("packed-refs", error);
    }
  }

  #deleteLoose(name: string): void {
    const parts = name.split("/");
    const leaf = parts.pop() ?? "";
    within(this.#common, parts, (directory) => {
      if (directory.stats(leaf)?.isFile() === true) directory.removeFile(leaf);
    });
  }

  async #copy(from: string, folder: string, name: string): Promise<void> {
    const objects = this.#common.sub("objects");
    const pack = ensure(objects, folder);
    objects.close();
    const temporary = `tmp_obj_${randomBytes(8).toString("hex")}`;
    try {
      if (pack.stats(name) !== undefined) return;
      const fd = createFile(pack, temporary, OBJECT_FILE);
      try {
        for await (const chunk of createReadStream(from, { highWaterMark: 1_048_576 })) writeAll(fd, chunk as Buffer);
        fchmodSync(fd, OBJECT_FILE);
      } finally {
        closeSync(fd);
      }
      pack.move(temporary, pack, name);
    } catch (error) {
      if (pack.stats(temporary) !== undefined) pack.removeFile(temporary);
      throw error;
    } finally {
      pack.close();
    }
  }
}
