/** One key more of a JSON pointer. */
export function below(pointer: string, key: string): string {
  return `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The keys of a JSON pointer. */
export function keysOf(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

const BLANK = new Set([" ", "\t"]);
const SPACE = new Set([" ", "\t", "\n", "\r"]);
/** What ends a number, a date or a word. */
const ENDS = new Set([",", "]", "}", "#", "\n", "\r"]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["t", "\t"],
  ["n", "\n"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\u001b"],
]);
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

/** Walks a TOML text that a parser has accepted: it only looks for where keys stand, and refuses nothing. */
class Walk {
  readonly lines = new Map<string, number>();
  readonly #text: string;
  /** How many tables an array of tables has so far, by its pointer. */
  readonly #tables = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    if (this.#text.startsWith("\uFEFF")) this.#step();
    let table = "";
    for (;;) {
      this.#skipSpace();
      if (this.#at >= this.#text.length) return;
      if (this.#peek() === "[") table = this.#header();
      else this.#member(table);
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #step(): void {
    if (this.#peek() === "\n") this.#line++;
    this.#at++;
  }

  #skip(among: ReadonlySet<string>): void {
    while (among.has(this.#peek())) this.#step();
  }

  /** White space, line ends and comments. */
  #skipSpace(): void {
    for (;;) {
      this.#skip(SPACE);
      if (this.#peek() !== "#") return;
      while (this.#at < this.#text.length && this.#peek() !== "\n") this.#step();
    }
  }

  #note(pointer: string, line: number): void {
    if (!this.lines.has(pointer)) this.lines.set(pointer, line);
  }

  /** `[a.b]` or `[[a.b]]`; gives the pointer of the table. */
  #header(): string {
    const line = this.#line;
    this.#step();
    const isArray = this.#peek() === "[";
    if (isArray) this.#step();
    const keys = this.#key("]");
    let pointer = "";
    keys.forEach((key, index) => {
      pointer = below(pointer, key);
      this.#note(pointer, line);
      const isLast = index === keys.length - 1;
      const count = this.#tables.get(pointer) ?? 0;
      if (isLast && isArray) {
        this.#tables.set(pointer, count + 1);
        pointer = below(pointer, String(count));
      } else if (count > 0) pointer = below(pointer, String(count - 1));
      this.#note(pointer, line);
    });
    if (isArray) this.#step();
    return pointer;
  }

  /** `a.b = value` of a table, inline or not. */
  #member(table: string): void {
    const line = this.#line;
    let pointer = table;
    for (const key of this.#key("=")) {
      pointer = below(pointer, key);
      this.#note(pointer, line);
    }
    this.#value(pointer);
  }

  /** A dotted key, and the character behind it. */
  #key(end: string): readonly string[] {
    const keys: string[] = [];
    while (this.#at < this.#text.length) {
      this.#skip(BLANK);
      keys.push(this.#peek() === '"' || this.#peek() === "'" ? this.#quotedKey() : this.#bareKey(end));
      this.#skip(BLANK);
      const isEnd = this.#peek() === end;
      this.#step();
      if (isEnd) break;
    }
    return keys;
  }

  #bareKey(end: string): string {
    const start = this.#at;
    while (this.#at < this.#text.length && this.#peek() !== end && this.#peek() !== "." && !BLANK.has(this.#peek()))
      this.#step();
    return this.#text.slice(start, this.#at);
  }

  #quotedKey(): string {
    const quote = this.#peek();
    this.#step();
    let key = "";
    while (this.#at < this.#text.length && this.#peek() !== quote) {
      if (quote === '"' && this.#peek() === "\\") key += this.#escape();
      else {
        key += this.#peek();
        this.#step();
      }
    }
    this.#step();
    return key;
  }

  #escape(): string {
    this.#step();
    const kind = this.#peek();
    this.#step();
    const digits = HEX_DIGITS.get(kind);
    if (digits === undefined) return ESCAPES.get(kind) ?? kind;
    const code = Number.parseInt(this.#text.slice(this.#at, this.#at + digits), 16);
    this.#at += digits;
    return String.fromCodePoint(code);
  }

  #value(pointer: string): void {
    this.#skip(BLANK);
    if (this.#peek() === '"' || this.#peek() === "'") this.#string();
    else if (this.#peek() === "[") this.#array(pointer);
    else if (this.#peek() === "{") this.#table(pointer);
    else while (this.#at < this.#text.length && !ENDS.has(this.#peek())) this.#step();
  }

  #string(): void {
    const quote = this.#peek();
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      if (quote === '"' && this.#peek() === "\\") this.#step();
      this.#step();
    }
    this.#at += end.length;
    // Up to two quotes may stand before the three that end it.
    if (isLong) while (this.#peek() === quote) this.#step();
  }

  #array(pointer: string): void {
    this.#step();
    for (let index = 0; this.#at < this.#text.length; index++) {
      this.#skipSpace();
      if (this.#peek() === "]") break;
      const item = below(pointer, String(index));
      this.#note(item, this.#line);
      const start = this.#at;
      this.#value(item);
      this.#skipSpace();
      // A text that no parser accepted ends too.
      if (this.#peek() === "," || this.#at === start) this.#step();
    }
    this.#step();
  }

  #table(pointer: string): void {
    this.#step();
    while (this.#at < this.#text.length) {
      this.#skipSpace();
      if (this.#peek() === "}") break;
      this.#member(pointer);
      this.#skipSpace();
      if (this.#peek() === ",") this.#step();
    }
    this.#step();
  }
}

/**
 * The line, from 1, on which each key and each item of a TOML text stands, by JSON pointer.
 * @param text one that a parser accepted; of another one the lines may be wrong
 */
export function tomlLines(text: string): ReadonlyMap<string, number> {
  const walk = new Walk(text);
  walk.document();
  return walk.lines;
}
