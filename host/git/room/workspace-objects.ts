import { closeSync, fstatSync } from "node:fs";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { DirHandleError, type DirHandle } from "../../util/dir-handle.ts";
import { readLooseObject, type TakenObject } from "../repository/loose-object.ts";
import type { ObjectFormat, ObjectId } from "../repository/object-id.ts";

/** An open pack of a workspace: a regular file of this identity. The taker closes the descriptor. */
export interface OpenPack {
  readonly name: string;
  readonly fd: number;
  readonly bytes: number;
  /** Changes when the file is another one or was written to. */
  readonly identity: string;
}

const PACK = /^pack-[0-9a-f]{40}(?:[0-9a-f]{24})?\.pack$/;
const FAN = /^[0-9a-f]{2}$/;
/** Most packs that are looked at. */
const MAX_PACKS = 5_000;
const MAX_LOOSE = 500_000;

function tooMany(what: string): CodedError {
  return new CodedError("git_too_large", `the workspace has more than ${what}`, {
    hint: "Pack them inside the container with `git gc`.",
  });
}

/** The object store of a workspace, as far as it is data: packs and loose objects, opened without following links. Its indexes are not believed. */
export class WorkspaceObjects {
  readonly #objects: DirHandle;
  readonly format: ObjectFormat;

  constructor(objects: DirHandle, format: ObjectFormat) {
    this.#objects = objects;
    this.format = format;
  }

  /** Throws `DamagedObject`, `TooLarge` and system errors. */
  async read(id: ObjectId): Promise<TakenObject | undefined> {
    return readLooseObject(this.#objects, id, this.format);
  }

  /** The names of all loose objects. @throws CodedError `git_too_large` */
  *looseIds(): Generator<ObjectId, void> {
    let count = 0;
    for (const fan of this.#objects.names()) {
      if (!FAN.test(fan)) continue;
      for (const rest of this.#namesIn(fan)) {
        const id = fan + rest;
        if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(id)) continue;
        count++;
        if (count > MAX_LOOSE) throw tooMany(`${MAX_LOOSE} loose objects`);
        yield id;
      }
    }
  }

  /** Opens one pack after the other. @throws CodedError `git_too_large` */
  *packs(): Generator<OpenPack, void> {
    const names = this.#namesIn("pack").filter((name) => PACK.test(name));
    if (names.length > MAX_PACKS) throw tooMany(`${MAX_PACKS} packs`);
    if (names.length === 0) return;
    const directory = this.#objects.sub("pack");
    try {
      for (const name of names.sort()) {
        const pack = openPack(directory, name);
        if (pack !== undefined) yield pack;
      }
    } finally {
      directory.close();
    }
  }

  #namesIn(name: string): string[] {
    let directory: DirHandle;
    try {
      directory = this.#objects.sub(name);
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || error instanceof DirHandleError) return [];
      throw error;
    }
    try {
      return [...directory.names()];
    } finally {
      directory.close();
    }
  }
}

function openPack(directory: DirHandle, name: string): OpenPack | undefined {
  let fd: number;
  try {
    fd = directory.openFile(name);
  } catch (error) {
    if (["ENOENT", "ELOOP"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
  const stats = fstatSync(fd, { bigint: true });
  if (stats.isFile()) {
    const identity = [name, stats.dev, stats.ino, stats.size, stats.mtimeNs].join(":");
    return { name, fd, bytes: Number(stats.size), identity };
  }
  closeSync(fd);
  return undefined;
}
