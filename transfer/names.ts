import { isUtf8 } from "node:buffer";
import { quoted, shortened } from "../wire/text.ts";

/**
 * Names of files as this room has them: text in which each character is one byte (latin1), so that a name that is not UTF-8 is kept as it is.
 * Paths are such names with `/` between them; the empty path is the top of what is transferred.
 */

/** Longest name and longest path inside of a transfer, in bytes. */
export const MAX_NAME_BYTES = 255;
export const MAX_PATH_BYTES = 4_096;
/** Longest path that a message repeats, in bytes. */
const SHOWN_BYTES = 200;

/** What the directories begin with in which things lie until they are put in place. */
export const STAGE_PREFIX = ".cmd2host-transfer-";
const STAGE_NAME = /^\.cmd2host-transfer-[0-9a-f]{32}$/;

export function isStageName(name: string): boolean {
  return STAGE_NAME.test(name);
}

/** A name or path as bytes. */
export function bytesOf(name: string): Buffer {
  return Buffer.from(name, "latin1");
}

/** The name that stands for a text. */
export function nameOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text that a name stands for; undefined when it is not UTF-8. */
export function textOf(name: string): string | undefined {
  const bytes = bytesOf(name);
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/** A name or path for people. */
export function shown(name: string): string {
  return name === "" ? "the top directory" : quoted(shortened(bytesOf(name).toString("utf8"), SHOWN_BYTES));
}

export function joined(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

/** Why something must not be the name of an entry, or undefined. */
export function objectionToName(name: string): string | undefined {
  if (name === "") return "has an empty part";
  if (name === "." || name === "..") return `has a part ${quoted(name)}`;
  if (name.includes("\0")) return "contains NUL";
  if (name.includes("/")) return "contains a slash";
  if (name.length > MAX_NAME_BYTES) return `has a part that is longer than ${MAX_NAME_BYTES} bytes`;
  return isStageName(name) ? "is named like what a transfer leaves" : undefined;
}

/** Why something must not be a path inside of a transfer, or undefined. */
export function objectionToPath(path: string): string | undefined {
  if (path.length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  for (const part of path.split("/")) {
    const objection = objectionToName(part);
    if (objection !== undefined) return objection;
  }
  return undefined;
}

/**
 * Why a symbolic link must not be part of a transfer, or undefined. It may go up only at its beginning, and not beyond the top: behind a name, which may
 * be a link itself, `..` could lead anywhere.
 * @param path of the link
 */
export function objectionToLink(path: string, target: string): string | undefined {
  if (target === "") return "leads nowhere";
  if (target.includes("\0")) return "contains NUL";
  if (target.length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (target.startsWith("/")) return "is absolute";
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const first = parts.findIndex((part) => part !== "..");
  const ups = first === -1 ? parts.length : first;
  if (parts.slice(ups).includes("..")) return 'goes up with ".." behind a name';
  return ups >= path.split("/").length ? "leads out of the tree" : undefined;
}
