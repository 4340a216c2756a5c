import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { compileGlob, type Glob } from "../../host/util/glob.ts";
import type { KnownTarget } from "./known-target.ts";

/** Most targets of one call. */
export const MAX_SELECTED = 1_000;
/** Most globs and most tags of one call. */
const MAX_WORDS = 100;
const MAX_GLOB = 256;

/**
 * Which targets a call is for. Those named, those whose names fit a glob, or all; then only those that have one of the tags, and that run on the
 * node. With tags or a node alone, out of all. With nothing, none.
 */
export interface Choice {
  readonly names?: readonly string[] | undefined;
  readonly globs?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly node?: string | undefined;
  readonly all?: boolean | undefined;
}

function tooMany(what: string, most: number): CodedError {
  return new CodedError("too_many_targets", `${what}; at most ${most} are allowed`);
}

function compiled(source: string): Glob {
  const glob = source.length > MAX_GLOB ? undefined : compileGlob(source);
  if (glob?.ok === true) return glob.glob;
  throw new CodedError("target_invalid", `expected a glob over names of targets, got ${quoted(shortened(source, 40))}`);
}

function named(names: readonly string[], get: (name: string) => KnownTarget | undefined): readonly KnownTarget[] {
  return names.map((name) => {
    const target = get(name);
    if (target === undefined)
      throw new CodedError("target_unknown", `there is no target ${quoted(shortened(name, 128))}`);
    return target;
  });
}

/**
 * The targets of a choice, in the order of `all`.
 * @param all sorted
 * @param get a target that the caller may use, by name
 * @throws CodedError `target_unknown` for a name, `too_many_targets`, `target_invalid` for a glob
 */
export function selected(
  choice: Choice,
  all: () => readonly KnownTarget[],
  get: (name: string) => KnownTarget | undefined,
): readonly KnownTarget[] {
  const { names = [], globs = [], tags = [], node, all: isAll = false } = choice;
  // Before anything is looked at: whoever sends a long list gets a short answer.
  if (names.length > MAX_SELECTED) throw tooMany(`${names.length} names`, MAX_SELECTED);
  if (globs.length > MAX_WORDS) throw tooMany(`${globs.length} patterns`, MAX_WORDS);
  if (tags.length > MAX_WORDS) throw tooMany(`${tags.length} tags`, MAX_WORDS);
  const patterns = globs.map(compiled);
  const chosen = new Set(named(names, get));
  const hasWords = tags.length > 0 || node !== undefined;
  const isWhole = isAll || (hasWords && names.length === 0 && globs.length === 0);
  if (!isWhole && chosen.size === 0 && patterns.length === 0) return [];
  const wanted = new Set(tags);
  const found = all().filter(
    (target) =>
      (isWhole || chosen.has(target) || patterns.some((glob) => glob.matches(target.name, false))) &&
      (wanted.size === 0 || target.tags.some((tag) => wanted.has(tag))) &&
      (node === undefined || target.node === node),
  );
  if (found.length > MAX_SELECTED) throw tooMany(`the choice is ${found.length} targets`, MAX_SELECTED);
  return found;
}
