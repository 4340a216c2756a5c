import { idBytes, isObjectId, type ObjectFormat, type ObjectId } from "./object-id.ts";

/** git's kinds of objects. */
export type ObjectType = "commit" | "tree" | "blob" | "tag";

/** An object that is not what git would write. */
export class DamagedObject extends Error {
  override readonly name = "DamagedObject";
}

const SUBMODULE = "160000";

/** The header lines of a commit or tag; each object that they name. */
function headerLinks(content: Buffer, keys: readonly string[], format: ObjectFormat): ObjectId[] {
  const end = content.indexOf("\n\n");
  const header = content.subarray(0, end < 0 ? content.length : end).toString("latin1");
  const found: ObjectId[] = [];
  for (const line of header.split("\n")) {
    const [key = "", value = ""] = line.split(" ", 2);
    if (!keys.includes(key)) continue;
    if (!isObjectId(value, format)) throw new DamagedObject(`has a ${key} line that names no object`);
    found.push(value);
  }
  if (found.length === 0) throw new DamagedObject(`has no ${keys[0] ?? "header"} line`);
  return found;
}

/** The entries of a tree, without submodules: their commits lie in other repositories. */
function treeLinks(content: Buffer, format: ObjectFormat): ObjectId[] {
  const size = idBytes(format);
  const found: ObjectId[] = [];
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const nul = space < 0 ? -1 : content.indexOf(0, space);
    if (nul < 0 || nul + 1 + size > content.length) throw new DamagedObject("is cut in the middle of an entry");
    const id = content.toString("hex", nul + 1, nul + 1 + size);
    if (content.toString("latin1", at, space) !== SUBMODULE) found.push(id);
    at = nul + 1 + size;
  }
  return found;
}

/**
 * The objects that an object needs: what has to be there as well when it is taken over.
 * @throws DamagedObject
 */
export function linksOf(type: ObjectType, content: Buffer, format: ObjectFormat): readonly ObjectId[] {
  switch (type) {
    case "blob":
      return [];
    case "tree":
      return treeLinks(content, format);
    case "commit":
      return headerLinks(content, ["tree", "parent"], format);
    case "tag":
      return headerLinks(content, ["object"], format);
  }
}
