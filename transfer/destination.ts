import type { BigIntStats } from "node:fs";
import { kindOf } from "../host/util/dir-handle.ts";
import { CodedError } from "../wire/errors.ts";
import type { Directory } from "./directory.ts";
import type { TransferKind } from "./format.ts";
import { objectionToName, shown } from "./names.ts";
import { about } from "./refusal.ts";
import type { Way } from "./way.ts";

/** Where something goes. */
export interface Destination {
  /** What it is put into, open. The stage lies there too. */
  readonly directory: Directory;
  /** What it is called there; undefined: the directory is the destination itself, and gets what comes. */
  readonly name: string | undefined;
}

export interface DestinationRules {
  readonly kind: TransferKind;
  /** What it is called in an existing directory that was named as the destination; undefined when nobody said so. */
  readonly name: string | undefined;
  /** Whether it may go into a directory that stands there. */
  readonly merge: boolean;
}

const WORDS = { directory: "a directory", file: "a file", link: "a symbolic link", other: "no file or directory" };
const REMOVE = "Remove it, or name another destination.";

function exists(where: string, what: string, hint = REMOVE): CodedError {
  return new CodedError("already_exists", `${where}: ${what} stands there`, { hint });
}

/** Throws `already_exists` unless something of this kind may be put where `stats` was found. */
function requireFits(where: string, kind: TransferKind, stats: BigIntStats | undefined): void {
  if (stats === undefined || (kind === "file" && stats.isFile())) return;
  throw exists(where, WORDS[kindOf(stats)]);
}

function nameInside(where: string, name: string | undefined): string {
  if (name === undefined || name === "")
    throw new CodedError("file_failed", `${where} is a directory, and it is not known what the name in it is to be`, {
      hint: "Name the whole destination, with its last part.",
    });
  const objection = objectionToName(name);
  if (objection !== undefined) throw new CodedError("file_denied", `the name ${shown(name)} ${objection}`);
  return name;
}

/**
 * Where something of a kind goes, as `cp` has it for files: into a directory that is named, when it ends with a slash or a directory stands there. A
 * directory goes to exactly what is named, unless that ends with a slash. The caller closes the directory when it is another one than the way's.
 * @throws CodedError `already_exists`, `file_failed`, `file_denied`
 */
export function destinationOf(way: Way, rules: DestinationRules): Destination {
  const { directory, name, slash } = way;
  const stats = name === undefined ? directory.ownStats() : about(way.shown, () => directory.stats(name));
  if (stats?.isDirectory() === true) return inExisting(way, rules);
  if (slash) {
    const what = stats === undefined ? "does not exist" : "is not a directory";
    throw new CodedError("file_failed", `${way.shown} ${what}`, {
      hint: "Make the directory, or leave the slash out.",
    });
  }
  requireFits(way.shown, rules.kind, stats);
  return { directory, name };
}

/** A directory stands where the way leads. */
function inExisting(way: Way, { kind, name, merge }: DestinationRules): Destination {
  if (kind === "directory" && !way.slash) {
    if (!merge) throw exists(way.shown, WORDS.directory, "Merge into it, or name another destination.");
    return { directory: opened(way), name: undefined };
  }
  const inside = nameInside(way.shown, name);
  const directory = opened(way);
  const where = `${shown(inside)} in ${way.shown}`;
  try {
    const stats = about(where, () => directory.stats(inside));
    if (kind === "directory" && merge && stats?.isDirectory() === true) {
      const inner = about(where, () => directory.sub(inside));
      if (directory !== way.directory) directory.close();
      return { directory: inner, name: undefined };
    }
    requireFits(where, kind, stats);
    return { directory, name: inside };
  } catch (error) {
    if (directory !== way.directory) directory.close();
    throw error;
  }
}

function opened({ directory, name, shown: where }: Way): Directory {
  return name === undefined ? directory : about(where, () => directory.sub(name));
}
