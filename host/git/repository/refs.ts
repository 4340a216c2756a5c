import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync } from "node:fs";
import { errnoOf } from "../../../wire/errors.ts";
import { DirHandleError, type DirHandle } from "../../util/dir-handle.ts";
import { readUpTo } from "../../util/regular-file.ts";
import { isRefName } from "../../util/ref-name.ts";
import { isObjectId, type ObjectFormat, type ObjectId } from "./object-id.ts";

/** Something at a ref's place is not what git would write there. */
export class DamagedRefs extends Error {
  override readonly name = "DamagedRefs";
}

/** What HEAD or a ref says: an object, or the name of another ref. */
export type RefValue =
  { readonly kind: "object"; readonly id: ObjectId } | { readonly kind: "symbolic"; readonly target: string };

/** A loose ref holds one name. */
const MAX_REF_BYTES = 4_096;
/** About half a million refs. */
const MAX_PACKED_BYTES = 64 * 1_048_576;
const MAX_REFS = 200_000;
const MAX_DEPTH = 32;
/** How many symbolic refs lead to one another; as git. */
const MAX_SYMBOLIC = 5;

/** All bytes of a regular file in a directory; undefined when there is none. Links and everything else are refused. */
export function readPlain(directory: DirHandle, name: string, limit: number): Buffer | undefined {
  let fd: number;
  try {
    fd = directory.openFile(name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "ELOOP") throw new DamagedRefs(`${name} is a link`);
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new DamagedRefs(`${name} is not a regular file`);
    if (stats.size > limit) throw new DamagedRefs(`${name} is larger than ${limit} bytes`);
    return readUpTo(fd, stats.size);
  } finally {
    closeSync(fd);
  }
}

/** Runs `work` with the directory that `parts` lead to, none of which may be a link; undefined when it is not there. */
export function within<T>(directory: DirHandle, parts: readonly string[], work: (last: DirHandle) => T): T | undefined {
  const [first, ...rest] = parts;
  if (first === undefined) return work(directory);
  let next: DirHandle;
  try {
    next = directory.sub(first);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    // A file stands where a directory would be: then there is no ref of this name.
    if (error instanceof DirHandleError && directory.stats(first)?.isFile() === true) return undefined;
    if (error instanceof DirHandleError) throw new DamagedRefs(error.message, { cause: error });
    throw error;
  }
  try {
    return within(next, rest, work);
  } finally {
    next.close();
  }
}

function parseRef(bytes: Buffer, name: string, format: ObjectFormat): RefValue {
  // Other bytes would read as another name, and a commit would begin a branch anew.
  if (!isUtf8(bytes)) throw new DamagedRefs(`${name} is not UTF-8`);
  const text = bytes.toString("utf8").trimEnd();
  const target = /^ref:\s*(\S+)$/.exec(text)?.[1];
  if (target !== undefined) {
    if (!isRefName(target) || !target.startsWith("refs/")) throw new DamagedRefs(`${name} leads to no ref`);
    return { kind: "symbolic", target };
  }
  if (!isObjectId(text, format)) throw new DamagedRefs(`${name} names no object`);
  return { kind: "object", id: text };
}

/** Reads the refs of a repository in git's file layout by open directories, following no link. Throws `DamagedRefs` and system errors. */
export class Refs {
  readonly #common: DirHandle;
  readonly #format: ObjectFormat;
  #packed: ReadonlyMap<string, ObjectId> | undefined;

  /** @param common the directory with `refs` and `packed-refs` */
  constructor(common: DirHandle, format: ObjectFormat) {
    this.#common = common;
    this.#format = format;
  }

  /** A file that is a ref of its own, like HEAD; `gitDir` is the work tree's own git directory. */
  pseudo(gitDir: DirHandle, name: string): RefValue | undefined {
    const bytes = readPlain(gitDir, name, MAX_REF_BYTES);
    return bytes === undefined ? undefined : parseRef(bytes, name, this.#format);
  }

  /** What stands at a full ref name; a loose ref goes before a packed one. */
  read(name: string): RefValue | undefined {
    if (!isRefName(name)) return undefined;
    const parts = name.split("/");
    const leaf = parts.pop() ?? "";
    const loose = within(this.#common, parts, (directory) =>
      // A directory of this name holds other refs.
      directory.stats(leaf)?.isDirectory() === true ? undefined : readPlain(directory, leaf, MAX_REF_BYTES),
    );
    if (loose !== undefined) return parseRef(loose, name, this.#format);
    const id = this.packed().get(name);
    return id === undefined ? undefined : { kind: "object", id };
  }

  /** The object that a value stands for, over symbolic refs; undefined when one of them is not there. */
  resolve(value: RefValue | undefined): ObjectId | undefined {
    for (let at: RefValue | undefined = value, hops = 0; at !== undefined; at = this.read(at.target), hops++) {
      if (at.kind === "object") return at.id;
      if (hops >= MAX_SYMBOLIC) throw new DamagedRefs("symbolic refs lead to one another");
    }
    return undefined;
  }

  /** Every ref below a prefix like `refs/remotes/origin/`. Symbolic refs and damaged ones are left out. */
  list(prefix: string): ReadonlyMap<string, ObjectId> {
    const found = new Map([...this.packed()].filter(([name]) => name.startsWith(prefix)));
    const parts = prefix.split("/").filter((part) => part !== "");
    within(this.#common, parts, (directory) => {
      this.#collect(directory, parts.join("/"), 0, found);
    });
    return found;
  }

  /** The refs of `packed-refs`. */
  packed(): ReadonlyMap<string, ObjectId> {
    this.#packed ??= this.#readPacked();
    return this.#packed;
  }

  #collect(directory: DirHandle, path: string, depth: number, found: Map<string, ObjectId>): void {
    if (depth > MAX_DEPTH) throw new DamagedRefs(`${path} is nested too deeply`);
    for (const leaf of directory.names()) {
      const name = `${path}/${leaf}`;
      const stats = isRefName(name) ? directory.stats(leaf) : undefined;
      if (stats?.isDirectory() === true) {
        within(directory, [leaf], (next) => {
          this.#collect(next, name, depth + 1, found);
        });
      } else if (stats?.isFile() === true) {
        const value = this.#tolerant(directory, leaf, name);
        if (value?.kind === "object") found.set(name, value.id);
        else found.delete(name);
      }
      if (found.size > MAX_REFS) throw new DamagedRefs(`there are more than ${MAX_REFS} refs`);
    }
  }

  #tolerant(directory: DirHandle, leaf: string, name: string): RefValue | undefined {
    try {
      const bytes = readPlain(directory, leaf, MAX_REF_BYTES);
      return bytes === undefined ? undefined : parseRef(bytes, name, this.#format);
    } catch (error) {
      if (error instanceof DamagedRefs) return undefined;
      throw error;
    }
  }

  #readPacked(): ReadonlyMap<string, ObjectId> {
    const bytes = readPlain(this.#common, "packed-refs", MAX_PACKED_BYTES);
    const found = new Map<string, ObjectId>();
    if (bytes === undefined) return found;
    for (const line of bytes.toString("utf8").split("\n")) {
      if (line === "" || line.startsWith("#") || line.startsWith("^")) continue;
      const space = line.indexOf(" ");
      const [id, name] = [line.slice(0, space), line.slice(space + 1)];
      if (!isObjectId(id, this.#format) || !isRefName(name)) continue;
      found.set(name, id);
      if (found.size > MAX_REFS) throw new DamagedRefs(`there are more than ${MAX_REFS} refs`);
    }
    return found;
  }
}
