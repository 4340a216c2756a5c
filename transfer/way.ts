import { realpathSync } from "node:fs";
import type { Reach } from "../host/util/dir-handle.ts";
import { CodedError } from "../wire/errors.ts";
import { quoted, shortened } from "../wire/text.ts";
import { Directory } from "./directory.ts";
import { isStageName, MAX_NAME_BYTES, MAX_PATH_BYTES, nameOf, shown } from "./names.ts";
import { about, failed } from "./refusal.ts";

const SHOWN_BYTES = 200;

/** Where a path leads: the directory that the last part is in, open, and that part. */
export interface Way {
  readonly directory: Directory;
  /** Undefined: the path is a root, and the directory is it. */
  readonly name: string | undefined;
  /** The path ends with a slash. */
  readonly slash: boolean;
  /** The path for people. */
  readonly shown: string;
}

/** The parts of an absolute path; undefined when it is not a plain one. */
function partsOf(path: string): readonly string[] | undefined {
  if (!path.startsWith("/") || path.includes("\0") || !path.isWellFormed()) return undefined;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts;
}

function forPeople(path: string): string {
  return quoted(shortened(path, SHOWN_BYTES));
}

function denied(path: string, why: string, cause?: unknown): CodedError {
  return new CodedError("file_denied", `${forPeople(path)} ${why}`, { cause });
}

/** The root of the policy that the path lies below, or is: the innermost one. */
function rootOf(roots: readonly string[], path: string, parts: readonly string[]): readonly string[] {
  let found: readonly string[] | undefined;
  for (const root of roots) {
    const own = partsOf(root);
    if (own === undefined) throw denied(root, "is not an absolute path, so it cannot be a root");
    const isWithin = own.length <= parts.length && own.every((part, index) => part === parts[index]);
    if (isWithin && own.length >= (found?.length ?? 0)) found = own;
  }
  if (found === undefined) throw denied(path, "lies below none of the directories that are allowed");
  return found;
}

function openRoot(parts: readonly string[], reach: Reach | undefined): Directory {
  const path = `/${parts.join("/")}`;
  return about(
    () => `the allowed directory ${quoted(path)}`,
    () => {
      const real = realpathSync.native(path);
      if (real !== path) throw denied(path, `is not a real path, so it cannot be a root; write ${quoted(real)}`);
      return Directory.openRoot(path, reach);
    },
  );
}

/**
 * Goes to where a path leads, from an allowed directory, without following a link on the way. The caller closes the directory.
 * @param roots real paths
 * @throws CodedError `file_denied` for a path that lies below none of the roots, or leads over a link; `file_failed`
 */
export function wayTo(roots: readonly string[], path: string, reach: Reach | undefined): Way {
  const parts = partsOf(path);
  if (parts === undefined) throw denied(path, 'is not an absolute path without ".."');
  const isLong = Buffer.byteLength(path) > MAX_PATH_BYTES;
  if (isLong || parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) throw denied(path, "is too long");
  if (parts.some(isStageName)) throw denied(path, "belongs to another transfer");
  const root = rootOf(roots, path, parts);
  const inside = parts.slice(root.length);
  const last = inside.pop();
  let directory = openRoot(root, reach);
  for (const part of inside) {
    // A deep path must not use up the descriptors: only the innermost directory stays open.
    const outer = directory;
    try {
      directory = enter(outer, nameOf(part), path);
    } finally {
      outer.close();
    }
  }
  const name = last === undefined ? undefined : nameOf(last);
  return { directory, name, slash: path.endsWith("/"), shown: forPeople(path) };
}

function enter(outer: Directory, name: string, path: string): Directory {
  try {
    return outer.sub(name);
  } catch (error) {
    const isLink = outer.stats(name)?.isSymbolicLink() === true;
    if (isLink) throw denied(path, `leads over ${shown(name)}, a symbolic link, which is not followed`, error);
    throw failed(error, forPeople(path));
  }
}
