import { createTwoFilesPatch } from "diff";
import { CodedError } from "../../wire/errors.ts";
import { printable, printableLines } from "../../wire/text.ts";
import type { WorkspaceFiles } from "./workspace-files.ts";

/** A file as it is, and as it is to be; undefined is no file. */
export interface Change {
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** A change that was made. */
export interface Made extends Change {
  /** Directories that were made for it. */
  readonly directories: readonly string[];
}

/** The changes as one text, in the form that patch and git have; safe to print. */
export function changesDiff(changes: readonly Change[]): string {
  const patches = changes.map(({ path, before, after }) =>
    createTwoFilesPatch(
      before === undefined ? "/dev/null" : `a/${path}`,
      after === undefined ? "/dev/null" : `b/${path}`,
      before ?? "",
      after ?? "",
      "",
      "",
      { context: 3 },
    ).replace(/^=+\n/, ""),
  );
  return printableLines(patches.join(""));
}

/** Brings a file to a state. `directories`: what was made for it and goes away with it. */
function bring(
  files: WorkspaceFiles,
  path: string,
  text: string | undefined,
  directories: readonly string[],
): Made["directories"] {
  if (text !== undefined) return files.write(path, text).directories;
  files.remove(path, directories);
  return [];
}

/**
 * Makes all changes or none: when one cannot be made, those before it are taken back.
 * @param directories for files that go away: what was made for them
 * @throws CodedError `setup_conflict` when a file is not what the change begins with; `file_failed`
 */
export function makeChanges(
  files: WorkspaceFiles,
  changes: readonly Change[],
  directories: readonly string[] = [],
): readonly Made[] {
  const made: Made[] = [];
  try {
    for (const change of changes) {
      if (files.read(change.path) !== change.before)
        throw new CodedError("setup_conflict", `${printable(change.path)} was changed meanwhile`, {
          hint: "Run the command again.",
        });
      made.push({ ...change, directories: bring(files, change.path, change.after, directories) });
    }
    return made;
  } catch (error) {
    takeBack(files, made);
    throw error;
  }
}

/** Takes changes back that were just made, the last first. */
export function takeBack(files: WorkspaceFiles, made: readonly Made[]): void {
  for (const { path, before, directories } of [...made].reverse()) bring(files, path, before, directories);
}
