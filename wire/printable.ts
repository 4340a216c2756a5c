/** Text as it can be shown: what could steer a terminal, a log reader or the eye becomes an escape. For browsers too: nothing of Node is used here. */

const SHORT_ESCAPES = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0b, "\\v"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

/** Letters, marks, numbers, punctuation, symbols and U+0020: what a terminal shows as itself. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function escapeCodePoint(codePoint: number): string {
  if (codePoint < 0x80) return `\\x${codePoint.toString(16).padStart(2, "0")}`;
  if (codePoint < 0x10000) return `\\u${codePoint.toString(16).padStart(4, "0")}`;
  return `\\U${codePoint.toString(16).padStart(8, "0")}`;
}

function escapeWith(text: string, short: ReadonlyMap<number, string>): string {
  let out = "";
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    out += short.get(codePoint) ?? (PRINTABLE.test(character) ? character : escapeCodePoint(codePoint));
  }
  return out;
}

const PLAIN_ASCII = /^[\x20-\x7e]*$/;

/** Double-quoted with backslash escapes as the original's messages do it (Go's `%q`). */
export function quoted(text: string): string {
  return `"${escapeWith(text, SHORT_ESCAPES)}"`;
}

const NO_QUOTE_ESCAPES = new Map([...SHORT_ESCAPES].filter(([codePoint]) => codePoint !== 0x22 && codePoint !== 0x5c));

/**
 * The same text with every character that could steer a terminal, a log reader or the eye (controls, C1, bidi marks,
 * line separators) written as an escape. Quotes and backslashes stay.
 */
export function printable(text: string): string {
  return PLAIN_ASCII.test(text) ? text : escapeWith(text, NO_QUOTE_ESCAPES);
}

/** Like `printable`, but line breaks and tabs stay: for several lines of text on a terminal. */
export function printableLines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.split("\t").map(printable).join("\t"))
    .join("\n");
}
