import { printable, quoted, shortened } from "../../../wire/text.ts";
import type { FolderEntry } from "../../util/folder.ts";

/**
 * What a finding is about. `layout`: the repository reaches outside its workspace, or is kept in a way that git or this
 * check does not read; nothing may be taken from it. `configuration`: a key; it matters to programs that read the
 * workspace's configuration, and to no others.
 */
export type Concern = "layout" | "configuration";

/** One reason not to trust a workspace. Every text is safe to print. */
export interface Finding {
  readonly concerns: Concern;
  readonly file: string;
  readonly line: number | undefined;
  /** The full name of the configuration key, when it is about one. */
  readonly key: string | undefined;
  /** Why it is dangerous, as a clause that follows the key or the file. */
  readonly why: string;
  /** What removes it: a command for the host's shell, or a sentence. */
  readonly fix: string;
}

/** Longest name or value of the workspace that a message repeats, in bytes. */
const SHOWN_BYTES = 200;

/** Untrusted text as part of a message. */
export function shown(text: string): string {
  return quoted(shortened(text, SHOWN_BYTES));
}

/** A finding about a file or directory rather than a key. */
export function fileFinding(file: string, why: string, fix: string): Finding {
  return { concerns: "layout", file: printable(file), line: undefined, key: undefined, why, fix };
}

/** A finding about a key, its name made safe to print. */
export function keyFinding(
  place: { readonly file: string; readonly line: number; readonly key: string },
  why: string,
  fix: string,
  concerns: Concern = "configuration",
): Finding {
  const key = printable(shortened(place.key, SHOWN_BYTES));
  return { concerns, file: printable(place.file), line: place.line, key, why, fix };
}

const MISPLACED: Readonly<Record<Exclude<FolderEntry["kind"], "file">, string>> = {
  link: "is a link, which git would follow when it reads or writes",
  directory: "is a directory, where git expects a file",
  other: "is a FIFO, a socket or a device, which git would wait for or write to",
};

/**
 * A link, a special file, or a directory where a file belongs. It is to be deleted in the container: there a link, or a
 * directory that is swapped for one meanwhile, leads to nothing of the host.
 */
export function misplaced(file: string, kind: Exclude<FolderEntry["kind"], "file">): Finding {
  return fileFinding(file, MISPLACED[kind], "delete it inside the container");
}

/** A word for a POSIX shell, or undefined when it holds characters that a person could not see in the command. */
export function shellWord(text: string): string | undefined {
  if (text.length > SHOWN_BYTES * 10 || printable(text) !== text) return undefined;
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What is wrong: where, which key, why. */
export function findingText(finding: Finding): string {
  const place = finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`;
  const key = finding.key === undefined ? "" : ` ${finding.key}`;
  return `${place}:${key} ${finding.why}`;
}

/** One line for a person: what is wrong, and what to do. */
export function describeFinding(finding: Finding): string {
  return `${findingText(finding)}. To remove it: ${finding.fix}`;
}
