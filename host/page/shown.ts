import type { Grant, PendingApproval } from "./desk.ts";

/** Characters of one argument, and of all of one call, that are sent without being asked for. */
const MAX_WORD = 2_000;
const MAX_WORDS = 16_000;
const MAX_COUNT = 200;
const MAX_TEXT = 2_000;

/** An argument, and how many of its characters are missing at the end. */
export interface ShownWord {
  readonly text: string;
  readonly cut: number;
}

/** A command line of which the end may be missing. */
export interface ShownArgv {
  readonly words: readonly ShownWord[];
  /** Arguments that are missing at the end. */
  readonly more: number;
}

/** An approval as it is shown: bounded, and saying what is missing. */
export interface ShownApproval extends Omit<PendingApproval, "argv" | "lastApproved"> {
  readonly argv: ShownArgv;
  readonly lastApproved: { readonly argv: ShownArgv; readonly at: number } | undefined;
}

/** The beginning of a text, never with half a character. */
function beginning(text: string, most: number): ShownWord {
  if (text.length <= most) return { text, cut: 0 };
  const head = text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "");
  return { text: head, cut: text.length - head.length };
}

function short(text: string): string {
  const { text: head, cut } = beginning(text, MAX_TEXT);
  return cut === 0 ? head : `${head}… (${cut} more characters)`;
}

/** As much of a command line as fits. */
export function shownArgv(argv: readonly string[]): ShownArgv {
  let left = MAX_WORDS;
  const words: ShownWord[] = [];
  for (const text of argv) {
    if (words.length >= MAX_COUNT || left <= 0) break;
    const word = beginning(text, Math.min(MAX_WORD, left));
    left -= word.text.length;
    words.push(word);
  }
  return { words, more: argv.length - words.length };
}

/** A command line with nothing missing. */
export function wholeArgv(argv: readonly string[]): ShownArgv {
  return { words: argv.map((text) => ({ text, cut: 0 })), more: 0 };
}

/** @param argvOf how much of its command lines is shown */
export function shownApproval(approval: PendingApproval, argvOf = shownArgv): ShownApproval {
  const { argv, lastApproved, ...rest } = approval;
  return {
    ...rest,
    title: short(rest.title),
    says: short(rest.says),
    cwd: short(rest.cwd),
    target: rest.target === undefined ? undefined : short(rest.target),
    argv: argvOf(argv),
    lastApproved: lastApproved === undefined ? undefined : { argv: argvOf(lastApproved.argv), at: lastApproved.at },
  };
}

/** A grant whose command line is bounded; what is missing is said in its last word. */
export function shownGrant(grant: Grant): Grant {
  if (grant.argv === undefined) return grant;
  const { words, more } = shownArgv(grant.argv);
  const argv = words.map(({ text, cut }) => (cut === 0 ? text : `${text}… (${cut} more characters)`));
  return { ...grant, argv: more === 0 ? argv : [...argv, `… (${more} more arguments)`] };
}
