import { printable, quoted, shortened } from "../../../wire/text.ts";

/** One reason not to trust a workspace. Every text is safe to print. */
export interface Finding {
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
  return { file: printable(file), line: undefined, key: undefined, why, fix };
}

/** A finding about a key, its name made safe to print. */
export function keyFinding(place: { file: string; line: number; key: string }, why: string, fix: string): Finding {
  return { file: printable(place.file), line: place.line, key: printable(shortened(place.key, SHOWN_BYTES)), why, fix };
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
