import { closeSync, fstatSync } from "node:fs";
import { promisify } from "node:util";
import { inflate, inflateSync } from "node:zlib";
import { errnoOf } from "../../../wire/errors.ts";
import { DirHandleError, type DirHandle } from "../../util/dir-handle.ts";
import { readUpTo } from "../../util/regular-file.ts";
import { objectIdOf, type ObjectFormat, type ObjectId } from "./object-id.ts";
import { DamagedObject, type ObjectType } from "./object-links.ts";

/** An object of a workspace whose content has been held against its name. */
export interface TakenObject {
  readonly id: ObjectId;
  readonly type: ObjectType;
  readonly content: Buffer;
}

/** Larger objects are taken from packs only, where nothing needs to hold them whole. */
export const MAX_LOOSE_BYTES = 64 * 1_048_576;
/** Larger trees are taken from packs only: about a million entries. */
const MAX_TREE_BYTES = 32 * 1_048_576;
/** Files up to here are inflated at once (to 4 MiB at most: zlib packs a thousand to one); larger ones beside the event loop. */
const INLINE_BYTES = 4_096;
/** `commit 134217728` and the NUL. */
const MAX_HEADER_BYTES = 32;

/** An object that is larger than the daemon takes one by one. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

const inflateBeside = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate);

/** The bytes of a regular file, opened without following or waiting; undefined when nothing is there. */
function fileBytes(directory: DirHandle, name: string): Buffer | undefined {
  let fd: number;
  try {
    fd = directory.openFile(name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "ELOOP") throw new DamagedObject("is a link");
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new DamagedObject("is not a regular file");
    if (stats.size > MAX_LOOSE_BYTES) throw new TooLarge(`is larger than ${MAX_LOOSE_BYTES} bytes`);
    return readUpTo(fd, stats.size);
  } finally {
    closeSync(fd);
  }
}

async function inflated(bytes: Buffer): Promise<Buffer> {
  const options = { maxOutputLength: MAX_LOOSE_BYTES + MAX_HEADER_BYTES };
  try {
    return bytes.length <= INLINE_BYTES ? inflateSync(bytes, options) : await inflateBeside(bytes, options);
  } catch (error) {
    if (errnoOf(error) === "ERR_BUFFER_TOO_LARGE") throw new TooLarge(`is larger than ${MAX_LOOSE_BYTES} bytes`);
    throw new DamagedObject("cannot be inflated", { cause: error });
  }
}

const HEADER = /^(commit|tree|blob|tag) (0|[1-9][0-9]{0,9})$/;

function isObjectType(text: string | undefined): text is ObjectType {
  return text === "commit" || text === "tree" || text === "blob" || text === "tag";
}

/**
 * Reads a loose object of a workspace and holds it against its name. Undefined when there is none.
 * @param objects the workspace's open `objects` directory
 * @throws DamagedObject, TooLarge, system errors
 */
export async function readLooseObject(
  objects: DirHandle,
  id: ObjectId,
  format: ObjectFormat,
): Promise<TakenObject | undefined> {
  const bytes = looseBytes(objects, id);
  if (bytes === undefined) return undefined;
  const raw = await inflated(bytes);
  const end = raw.subarray(0, MAX_HEADER_BYTES).indexOf(0);
  const [, type, size] = HEADER.exec(raw.toString("latin1", 0, Math.max(end, 0))) ?? [];
  if (!isObjectType(type) || Number(size) !== raw.length - end - 1) throw new DamagedObject("has no valid header");
  const content = raw.subarray(end + 1);
  if (type === "tree" && content.length > MAX_TREE_BYTES)
    throw new TooLarge(`is a tree of more than ${MAX_TREE_BYTES} bytes`);
  if (objectIdOf(type, content, format) !== id)
    throw new DamagedObject("has a content that its name does not stand for");
  return { id, type, content };
}

function looseBytes(objects: DirHandle, id: ObjectId): Buffer | undefined {
  let fan: DirHandle;
  try {
    fan = objects.sub(id.slice(0, 2));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (error instanceof DirHandleError) throw new DamagedObject("lies behind a link");
    throw error;
  }
  try {
    return fileBytes(fan, id.slice(2));
  } finally {
    fan.close();
  }
}
