import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflate, deflateSync } from "node:zlib";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { DirHandle } from "../../util/dir-handle.ts";
import { writeAtomic } from "../../util/write-atomic.ts";
import type { TakenObject } from "../repository/loose-object.ts";
import type { ObjectFormat, ObjectId } from "../repository/object-id.ts";
import { PackIndex } from "../repository/pack-index.ts";
import { Refs } from "../repository/refs.ts";

/** Without these git does not take the directory for a repository. */
const NEEDED = ["HEAD", "refs", "objects/pack"];

/** What a repository of ours is made for; another shape makes another repository. */
export interface Shape {
  readonly format: ObjectFormat;
  /** Where a shallow workspace's history ends; sorted. */
  readonly shallow: readonly ObjectId[];
}

const PRIVATE = 0o700;
/** So many packs or files in one fan-out directory make git slow. */
const MANY_PACKS = 40;
const MANY_LOOSE = 27;
/** Larger objects are deflated beside the event loop. */
const INLINE_BYTES = 65_536;
const FAST = { level: 1 };
const deflateBeside = promisify<Buffer, typeof FAST, Buffer>(deflate);
/** Where loose objects lie; made at once, so that no push has to. */
const FANS = Array.from({ length: 256 }, (_, index) => `objects/${index.toString(16).padStart(2, "0")}`);
/** What an ended git, or an ended daemon, left behind. */
const LEFTOVER = /^(?:\.?tmp[_-]|view-|pack-[A-Za-z0-9]{6}$|packed-refs\.)|\.lock$/;

function configOf({ format }: Shape): string {
  const extensions = format === "sha1" ? "" : "[extensions]\n\tobjectFormat = sha256\n";
  return [
    `[core]\n\trepositoryFormatVersion = ${format === "sha1" ? 0 : 1}\n\tbare = true\n\tlogAllRefUpdates = false\n`,
    extensions,
    "[gc]\n\tauto = 0\n\tpackRefs = false\n[maintenance]\n\tauto = false\n[fetch]\n\tunpackLimit = 1\n",
  ].join("");
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "EISDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** Making directories is slow on many systems, and nearly always they are there. */
function moveInto(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    mkdirSync(join(to, ".."), { recursive: true, mode: PRIVATE });
    renameSync(from, to);
  }
}

function bytesIn(directory: string): number {
  const files = readdirSync(directory).map((name) => join(directory, name));
  return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/**
 * A bare repository that only the daemon writes: its own configuration, no hooks, no templates. All that git reads while it talks to a remote. Its
 * objects are whole below every ref; what came from a workspace was held against its name first.
 */
export class OwnRepository {
  readonly path: string;
  readonly format: ObjectFormat;
  /** Whether it was made just now. */
  readonly isNew: boolean;
  /** Packs of the workspace that were taken over, by identity. */
  readonly takenPacks = new Set<string>();
  #looseBytes: number | undefined;
  #indexes: PackIndex[] | undefined;

  private constructor(path: string, format: ObjectFormat, isNew: boolean) {
    this.path = path;
    this.format = format;
    this.isNew = isNew;
  }

  /** Opens the repository at `path`, made anew when it is missing or has another shape. Throws system errors. */
  static open(path: string, shape: Shape): OwnRepository {
    const shallow = shape.shallow.map((id) => `${id}\n`).join("");
    const text = (name: string): string | undefined => textOf(join(path, name));
    const isWhole = NEEDED.every((name) => existsSync(join(path, name)));
    if (isWhole && text("config") === configOf(shape) && (text("shallow") ?? "") === shallow)
      return new OwnRepository(path, shape.format, false);
    rmSync(path, { recursive: true, force: true });
    for (const name of ["objects/pack", "objects/info", "refs", ...FANS])
      mkdirSync(join(path, name), { recursive: true, mode: PRIVATE });
    writeFileSync(join(path, "HEAD"), "ref: refs/heads/main\n");
    if (shallow !== "") writeFileSync(join(path, "shallow"), shallow);
    writeAtomic(join(path, "config"), configOf(shape));
    return new OwnRepository(path, shape.format, true);
  }

  /** Removes what was left by a git or a daemon that was ended. For the one who works here alone. */
  tidy(): void {
    for (const name of ["", "objects", "objects/pack"]) {
      const directory = join(this.path, name);
      for (const entry of readdirSync(directory))
        if (LEFTOVER.test(entry)) rmSync(join(directory, entry), { recursive: true, force: true });
    }
  }

  /** Bytes on disk, about: packs as they are, loose objects as they were counted since the daemon came here first. */
  size(): number {
    const objects = join(this.path, "objects");
    this.#looseBytes ??= readdirSync(objects)
      .filter((name) => name !== "pack")
      .reduce((sum, name) => sum + bytesIn(join(objects, name)), 0);
    return this.#looseBytes + bytesIn(join(objects, "pack"));
  }

  /** Forgets everything: for when it turns out to be incomplete. */
  remove(): void {
    this.release();
    rmSync(this.path, { recursive: true, force: true });
  }

  /** @throws CodedError `git_objects_missing` when a pack of ours came to harm */
  has(id: ObjectId): boolean {
    if (existsSync(this.#loosePath(id))) return true;
    try {
      return this.#packIndexes().some((index) => index.has(id));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new CodedError("git_objects_missing", `the daemon's own copy is damaged: ${error.message}`);
    }
  }

  hasPack(name: string): boolean {
    return existsSync(join(this.path, "objects/pack", name));
  }

  /** Writes an object whose content was held against its name. */
  async write({ id, type, content }: TakenObject): Promise<void> {
    const path = this.#loosePath(id);
    const temporary = join(this.path, "objects", `tmp_obj_${randomBytes(8).toString("hex")}`);
    const raw = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
    const packed = raw.length <= INLINE_BYTES ? deflateSync(raw, FAST) : await deflateBeside(raw, FAST);
    this.#looseBytes = (this.#looseBytes ?? 0) + packed.length;
    writeFileSync(temporary, packed, { mode: 0o400, flag: "wx" });
    moveInto(temporary, path);
  }

  /** Every ref, packed and loose. */
  refs(): ReadonlyMap<string, ObjectId> {
    const directory = DirHandle.open(this.path);
    try {
      return new Refs(directory, this.format).list("refs/");
    } finally {
      directory.close();
    }
  }

  /** Makes these the only refs there are. All objects below them must be here. */
  setRefs(refs: ReadonlyMap<string, ObjectId>): void {
    const lines = [...refs].sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    this.#replace("packed-refs", lines.map(([name, id]) => `${id} ${name}\n`).join(""));
    if (readdirSync(join(this.path, "refs")).length === 0) return;
    rmSync(join(this.path, "refs"), { recursive: true, force: true });
    mkdirSync(join(this.path, "refs"), { mode: PRIVATE });
  }

  /** Without waiting for the disk: after a crash everything here can be taken over again. */
  #replace(name: string, content: string): void {
    const temporary = join(this.path, `${name}.${randomBytes(8).toString("hex")}`);
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
    renameSync(temporary, join(this.path, name));
  }

  /** Whether git should clean up here before long. */
  get isCluttered(): boolean {
    const packs = readdirSync(join(this.path, "objects/pack")).filter((name) => name.endsWith(".idx"));
    // As git does: one fan-out directory stands for all.
    const sample = join(this.path, "objects/17");
    return packs.length > MANY_PACKS || (existsSync(sample) && readdirSync(sample).length > MANY_LOOSE);
  }

  /** Closes what was opened to look objects up; packs that come later are seen then. */
  release(): void {
    for (const index of this.#indexes ?? []) index.close();
    this.#indexes = undefined;
  }

  #loosePath(id: ObjectId): string {
    return join(this.path, "objects", id.slice(0, 2), id.slice(2));
  }

  #packIndexes(): readonly PackIndex[] {
    if (this.#indexes !== undefined) return this.#indexes;
    const directory = join(this.path, "objects/pack");
    const indexes: PackIndex[] = [];
    this.#indexes = indexes;
    for (const name of readdirSync(directory))
      if (name.endsWith(".idx")) indexes.push(new PackIndex(join(directory, name), this.format));
    return indexes;
  }
}
