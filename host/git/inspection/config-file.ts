/** git's configuration syntax, read without git and without following includes. */

export interface GitConfigEntry {
  /** In lower case. */
  readonly section: string;
  /** As written in `[section "Subsection"]`; lower case in the old form `[section.subsection]`; undefined when absent. */
  readonly subsection: string | undefined;
  /** In lower case. */
  readonly key: string;
  /** Undefined for a key without `=`, which git reads as true. */
  readonly value: string | undefined;
  /** Where the key begins, counted from 1. */
  readonly line: number;
}

export type GitConfig =
  | { readonly ok: true; readonly entries: readonly GitConfigEntry[] }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Bytes of a section with its subsection. git has no bound; names of remotes, branches and URLs stay far below. */
const MAX_HEADER_BYTES = 4_096;
const MAX_ENTRIES = 50_000;

class Malformed extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Bytes as characters (Latin-1), with CRLF read as a line break and one line break added at the end, as git does. */
class Characters {
  readonly #text: string;
  #position = 0;
  line = 1;
  ended = false;

  constructor(text: string) {
    this.#text = text;
  }

  next(): string {
    let character = this.#text[this.#position++];
    if (character === "\r" && this.#text[this.#position] === "\n") {
      this.#position++;
      character = "\n";
    }
    if (character === undefined) {
      this.ended = true;
      return "\n";
    }
    if (character === "\n") this.line++;
    return character;
  }

  fail(message: string): never {
    throw new Malformed(this.line, message);
  }
}

// git's own notions: they know neither vertical tabs nor locales.
const isSpace = (character: string): boolean =>
  character === " " || character === "\t" || character === "\n" || character === "\r";
const isLetter = (character: string): boolean => /^[A-Za-z]$/.test(character);
const isNameCharacter = (character: string): boolean => /^[A-Za-z0-9-]$/.test(character);

/** UTF-8 where it is valid; other bytes become U+FFFD, which no allowed name contains. */
function decoded(latin1: string): string {
  return /^[\x00-\x7f]*$/.test(latin1) ? latin1 : Buffer.from(latin1, "latin1").toString("utf8");
}

/** The rest of `[section "subsection"]` behind the white space; returns the subsection. */
function readSubsection(characters: Characters, separator: string): string {
  let character = separator;
  while (isSpace(character)) {
    if (character === "\n") characters.fail("a section header is not closed on its line");
    character = characters.next();
  }
  if (character !== '"') characters.fail("a section header has something other than a quoted subsection");
  let subsection = "";
  for (;;) {
    character = characters.next();
    if (character === '"') break;
    if (character === "\\") character = characters.next();
    if (character === "\n") characters.fail("a subsection is not closed on its line");
    subsection += character;
    if (subsection.length > MAX_HEADER_BYTES) characters.fail("a section header is too long");
  }
  if (characters.next() !== "]") characters.fail("a section header does not end behind its subsection");
  return subsection;
}

/** A section header behind its `[`, as the dotted stem of the keys that follow. */
function readHeader(characters: Characters): string {
  let stem = "";
  for (;;) {
    const character = characters.next();
    if (character === "]") break;
    if (isSpace(character)) {
      stem += `.${readSubsection(characters, character)}`;
      break;
    }
    if (!isNameCharacter(character) && character !== ".") characters.fail("a section name has a forbidden character");
    stem += character.toLowerCase();
    if (stem.length > MAX_HEADER_BYTES) characters.fail("a section header is too long");
  }
  if (stem === "") characters.fail("a section has no name");
  return stem;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["b", "\b"],
  ['"', '"'],
  ["\\", "\\"],
]);

/** A value behind its `=`: quotes, escapes, continuation lines and comments resolved, outer white space dropped. */
function readValue(characters: Characters): string {
  let value = "";
  let spaces = 0;
  let inQuotes = false;
  let inComment = false;
  for (;;) {
    const character = characters.next();
    if (character === "\n") {
      if (inQuotes) characters.fail("a quoted value is not closed on its line");
      return value;
    }
    if (inComment) continue;
    if (!inQuotes && isSpace(character)) {
      if (value !== "") spaces++;
      continue;
    }
    if (!inQuotes && (character === "#" || character === ";")) {
      inComment = true;
      continue;
    }
    value += " ".repeat(spaces);
    spaces = 0;
    if (character === '"') inQuotes = !inQuotes;
    else if (character === "\\") value += readEscape(characters);
    else value += character;
  }
}

function readEscape(characters: Characters): string {
  const character = characters.next();
  if (character === "\n") return "";
  return ESCAPES.get(character) ?? characters.fail("a value has an unknown escape");
}

/** A key that begins with `first`, and its value. */
function readKey(characters: Characters, first: string): { key: string; value: string | undefined } {
  let key = first.toLowerCase();
  let character = characters.next();
  while (isNameCharacter(character)) {
    key += character.toLowerCase();
    character = characters.next();
  }
  while (character === " " || character === "\t") character = characters.next();
  if (character === "\n") return { key, value: undefined };
  if (character !== "=") characters.fail("a key is not followed by `=`");
  return { key, value: decoded(readValue(characters)) };
}

/** `a.b.c` is section `a` with subsection `b.c`, however the header spelled it. */
function splitStem(stem: string): Pick<GitConfigEntry, "section" | "subsection"> {
  const dot = stem.indexOf(".");
  if (dot < 0) return { section: stem, subsection: undefined };
  return { section: stem.slice(0, dot), subsection: decoded(stem.slice(dot + 1)) };
}

function readEntries(characters: Characters): GitConfigEntry[] {
  const entries: GitConfigEntry[] = [];
  let name: Pick<GitConfigEntry, "section" | "subsection"> | undefined;
  let inComment = false;
  for (;;) {
    const character = characters.next();
    if (character === "\n") {
      if (characters.ended) return entries;
      inComment = false;
    } else if (inComment || isSpace(character)) {
      continue;
    } else if (character === "#" || character === ";") {
      inComment = true;
    } else if (character === "[") {
      name = splitStem(readHeader(characters));
    } else {
      if (!isLetter(character)) characters.fail("a line is neither a section, a key nor a comment");
      if (name === undefined) characters.fail("a key stands before the first section");
      if (entries.length >= MAX_ENTRIES) characters.fail(`there are more than ${MAX_ENTRIES} keys`);
      const { line } = characters;
      entries.push({ ...name, ...readKey(characters, character), line });
    }
  }
}

const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/**
 * Reads a configuration file exactly as git does. Refuses whatever git refuses, and also NUL bytes, keys before the
 * first section, headers over 4,096 bytes and more than 50,000 keys. A bare carriage return or a tab between words of a
 * value reads as a space, as in git before 2.45.
 */
export function parseGitConfig(bytes: Buffer): GitConfig {
  const text = bytes.toString("latin1");
  const characters = new Characters(text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text);
  try {
    if (text.includes("\0")) characters.fail("the file has a NUL byte");
    return { ok: true, entries: readEntries(characters) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ok: false, line: error.line, message: error.message };
  }
}
