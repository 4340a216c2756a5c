import { createHash } from "node:crypto";

/** How a repository names its objects. */
export type ObjectFormat = "sha1" | "sha256";

/** A full object name in lower-case hex, of the length that its format has. */
export type ObjectId = string;

/** Bytes of an object name. */
export function idBytes(format: ObjectFormat): number {
  return format === "sha1" ? 20 : 32;
}

/** Whether a text is a full object name of this format, as git writes it. The null id is none. */
export function isObjectId(text: string, format: ObjectFormat): boolean {
  return text.length === 2 * idBytes(format) && /^[0-9a-f]+$/.test(text) && !/^0+$/.test(text);
}

/** The name of an object with this content; `type` is git's word for its kind. */
export function objectIdOf(type: string, content: Buffer, format: ObjectFormat): ObjectId {
  return createHash(format).update(`${type} ${content.length}\0`).update(content).digest("hex");
}
