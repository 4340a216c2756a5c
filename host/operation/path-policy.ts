import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { gitWords } from "../project/push.ts";
import type { Operation, PathDeny } from "../project/types.ts";
import type { FlagValue } from "./flags.ts";
import { PARAM_KINDS } from "./params/index.ts";
import { cleanRelative } from "../util/glob.ts";
import { outputParam } from "./output-scope.ts";
import { checkInputPath, isCaseInsensitive, isGitInternal, resolveOutputPath, targetOfPath } from "./paths-on-disk.ts";
import type { Values } from "./values.ts";

/** A value that names a path in the workspace. `strict`: of a path type, so every rule holds even without path_deny. */
interface NamedPath {
  readonly where: string;
  readonly value: string;
  readonly strict: boolean;
}

function namedPaths(operation: Operation, values: Values, flags: readonly FlagValue[]): readonly NamedPath[] {
  const params = [...values].flatMap(([name, value]) => {
    const rule = operation.params.get(name);
    const isInput = rule?.direction === "input";
    const strict = isInput || (rule?.type !== undefined && PARAM_KINDS[rule.type].isPath);
    // An array called `paths` is what the original looks at; it keeps being looked at.
    if (!strict && !(name === "paths" && value.kind === "list")) return [];
    const items = value.kind === "list" ? value.items : [value.text];
    return items.map((item) => ({ where: name, value: item, strict }));
  });
  const typed = flags.filter(({ spec }) => spec.value.type === "path");
  return [...params, ...typed.map(({ spec, value }) => ({ where: spec.flag, value, strict: true }))];
}

function denied(where: string, value: string, why: string): CodedError {
  return new CodedError("path_denied", `${where}: path ${quoted(shortened(value, 120))} ${why}`);
}

function checkDenyList(where: string, clean: string, deny: readonly PathDeny[], ignoreCase: boolean): void {
  for (const { source, compiled } of deny) {
    if (!compiled.ok)
      throw denied(where, clean, `cannot be checked: invalid glob pattern ${quoted(source)}: ${compiled.message}`);
    if (compiled.glob.matches(clean, ignoreCase)) throw denied(where, clean, `denied by pattern ${quoted(source)}`);
  }
}

/** Where an output file would go: as written, and after links. What is wrong with the place itself shows when it is resolved for good. */
function outputPlaces(repoPath: string, value: string): readonly string[] {
  const written = cleanRelative(value);
  try {
    return [written, resolveOutputPath(repoPath, value).relative];
  } catch {
    return [written];
  }
}

/**
 * Holds a path without links, relative to the workspace, against path_deny.
 * @throws CodedError `path_denied`
 */
export function checkDenied(where: string, relative: string, deny: readonly PathDeny[], repoPath: string): void {
  if (deny.length > 0) checkDenyList(where, relative, deny, isCaseInsensitive(repoPath));
}

/** `git add` can be told to take its paths from a file, or to take all: then there is no path to check. */
function guardGitAdd(operation: Operation, hasPaths: boolean, flags: readonly string[]): void {
  const words = gitWords(
    operation.command,
    operation.template.map((element) => element.text),
  );
  if (words === undefined || !["add", "stage"].includes(words[0] ?? "")) return;
  const named = (name: string): boolean => flags.some((flag) => flag === name || flag.startsWith(`${name}=`));
  if (["--pathspec-from-file", "--pathspec-file-nul"].some(named)) {
    throw new CodedError("path_denied", "git add: pathspec source cannot be enforced against path_deny");
  }
  if (!hasPaths && ["-A", "--all", "-u", "--update"].some(named)) {
    throw new CodedError("path_denied", "git add: path_deny requires explicit paths");
  }
}

/**
 * Holds every path that a call names against the workspace and the project's path_deny. Reads the disk: links are followed to see where they lead.
 * @throws CodedError `path_denied`
 */
export function checkPathsOnDisk(
  operation: Operation,
  values: Values,
  flagValues: readonly FlagValue[],
  flags: readonly string[],
  repoPath: string,
  deny: readonly PathDeny[],
): void {
  const named = namedPaths(operation, values, flagValues);
  const ignoreCase = named.length > 0 && isCaseInsensitive(repoPath);
  for (const { where, value, strict } of named) {
    if (!strict && deny.length === 0) {
      if (isGitInternal(value)) throw denied(where, value, "denied by pattern .git/**");
      continue;
    }
    const clean = checkInputPath(repoPath, value);
    for (const place of new Set([clean, targetOfPath(repoPath, clean) ?? clean])) {
      if (isGitInternal(place)) throw denied(where, place, "denied by pattern .git/**");
      checkDenyList(where, place, deny, ignoreCase);
    }
  }
  if (deny.length === 0) return;
  const output = outputParam(operation) ?? "";
  const destination = values.get(output);
  if (destination?.kind === "text") {
    const folds = isCaseInsensitive(repoPath);
    for (const place of outputPlaces(repoPath, destination.text)) checkDenyList(output, place, deny, folds);
  }
  guardGitAdd(operation, values.get("paths")?.kind === "text" || named.some(({ where }) => values.has(where)), flags);
}
