import { createTwoFilesPatch } from "diff";
import { CodedError } from "../../wire/errors.ts";
import { printable, printableLines } from "../../wire/text.ts";
import { sha256Hex } from "../util/hash.ts";
import type { Form, WorkspaceFiles } from "./workspace-files.ts";

/** A file as it is, and as it is to be; undefined is no file. */
export interface Change {
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Default: text. What is not text to be read is shown in one line. */
  readonly form?: Form;
}

/** A change that was made. */
export interface Made extends Change {
  /** Directories that were made for it. */
  readonly directories: readonly string[];
}

/** More lines than a person looks at. Comparing takes as long as the square of it, and a container can write both sides. */
const MAX_DIFFERENT = 4_000;

function size(bytes: Buffer): string {
  return `${bytes.includes(0) ? "binary" : "text"}, ${Math.ceil(bytes.length / 1_024)} KB, SHA-256 ${sha256Hex(bytes)}`;
}

/** The lines that differ; undefined when that are too many. */
function patch({ path, before, after }: Change): string | undefined {
  return createTwoFilesPatch(
    before === undefined ? "/dev/null" : `a/${path}`,
    after === undefined ? "/dev/null" : `b/${path}`,
    before ?? "",
    after ?? "",
    "",
    "",
    { context: 3, maxEditLength: MAX_DIFFERENT },
  )?.replace(/^=+\n/, "");
}

/** What happens to a file that nobody reads, in the frame of a patch. */
function summary({ path, before, after, form }: Change): string {
  const side = (mark: string, name: string, content: string | undefined): string =>
    content === undefined
      ? `${mark.repeat(3)} /dev/null\n`
      : `${mark.repeat(3)} ${name}/${path}\n${mark} (${size(Buffer.from(content, form === "base64" ? "base64" : "utf8"))})\n`;
  return side("-", "a", before) + side("+", "b", after);
}

/** The changes as one text, in the form that patch and git have; safe to print. */
export function changesDiff(changes: readonly Change[]): string {
  return printableLines(
    changes.map((change) => (change.form === "base64" ? undefined : patch(change)) ?? summary(change)).join(""),
  );
}

/** Brings a file to a state. `directories`: what was made for it and goes away with it. */
function bring(
  files: WorkspaceFiles,
  { path, form }: Change,
  content: string | undefined,
  directories: readonly string[],
): Made["directories"] {
  if (content !== undefined) return files.write(path, content, form).directories;
  files.remove(path, directories);
  return [];
}

/**
 * Makes changes, one after the other.
 * @param made gets what was made, also when the next one cannot be made
 * @param directories for files that go away: what was made for them
 * @throws CodedError `setup_conflict` when a file is not what the change begins with; `file_failed`
 */
export function makeChanges(
  files: WorkspaceFiles,
  changes: readonly Change[],
  made: Made[],
  directories: readonly string[] = [],
): void {
  for (const change of changes) {
    if (files.read(change.path, change.form) !== change.before)
      throw new CodedError("setup_conflict", `${printable(change.path)} was changed meanwhile`, {
        hint: "Run the command again.",
      });
    made.push({ ...change, directories: bring(files, change, change.after, directories) });
  }
}

/** Takes changes back that were just made, the last first. Throws `file_failed` at the first that cannot be taken back. */
export function takeBack(files: WorkspaceFiles, made: readonly Made[]): void {
  for (const change of [...made].reverse()) bring(files, change, change.before, change.directories);
}
