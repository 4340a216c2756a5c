/** What RE2 understands by these classes, which is ASCII, as it is written inside square brackets. */
const ASCII_CLASSES = new Map([
  ["d", "0-9"],
  ["w", "A-Za-z0-9_"],
  ["s", "\\t\\n\\f\\r "],
]);
/** What means the same behind a backslash everywhere. */
const PORTABLE_ESCAPES = new Set("^$\\.*+?()[]{}|/tnfrv");
const PUNCTUATION = /^[!-/:-@[-`{-~ ]$/;

/** A backslash and what follows it; undefined when there is no form that all read alike. */
function escape(next: string, isInClass: boolean): string | undefined {
  if (PORTABLE_ESCAPES.has(next)) return `\\${next}`;
  const ascii = ASCII_CLASSES.get(next.toLowerCase());
  if (ascii !== undefined) {
    const isNegated = next !== next.toLowerCase();
    if (isInClass) return isNegated ? undefined : ascii;
    return `[${isNegated ? "^" : ""}${ascii}]`;
  }
  if (isInClass) return PUNCTUATION.test(next) ? (next === "-" ? "\\-" : next) : undefined;
  if (next === "A") return "^";
  if (next === "z") return "$";
  return PUNCTUATION.test(next) ? next : undefined;
}

const TOKEN_OUTSIDE = /\\[^]|\(\?:?|\[\^?\]?|[^]/y;
const TOKEN_IN_CLASS = /\\[^]|[^]/y;

/** A token that is no escape, outside of classes. */
function plain(token: string): string | undefined {
  if (token === ".") return "[^\\n]";
  // Flags and named groups; a class that begins with a bracket.
  return token === "(?" || token.endsWith("]") ? undefined : token;
}

function tokenAt(pattern: string, at: number, isInClass: boolean): string {
  const tokens = isInClass ? TOKEN_IN_CLASS : TOKEN_OUTSIDE;
  tokens.lastIndex = at;
  return tokens.exec(pattern)?.[0] ?? "";
}

function translated(re2: string): string | undefined {
  let out = "";
  let isInClass = false;
  for (let at = 0; at < re2.length;) {
    const token = tokenAt(re2, at, isInClass);
    let part: string | undefined;
    // A dash behind a class is no range, but one behind its last character would be.
    if (isInClass && /^\\[dws]-[^\]]/.test(re2.slice(at, at + 4))) return undefined;
    if (token.length === 2 && token.startsWith("\\")) part = escape(token.slice(1), isInClass);
    // A bracket inside a class begins a named class, or is read differently.
    else if (isInClass) part = token === "[" ? undefined : token;
    else part = plain(token);
    if (part === undefined) return undefined;
    isInClass = isInClass ? token !== "]" : token.startsWith("[");
    out += part;
    at += token.length;
  }
  return out;
}

function isEcma(pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").unicode;
  } catch {
    return false;
  }
}

/**
 * A RE2 pattern as JSON Schema writes it, in the part of the syntax that every implementation reads alike: what RE2 takes for ASCII is written
 * out. Undefined where there is none (classes of Unicode, flags, named groups, edges of words).
 */
export function jsonSchemaPattern(re2: string): string | undefined {
  // Without the u flag, which not all implementations set, a character beyond the first plane is two.
  if (/[\u{10000}-\u{10ffff}]/u.test(re2)) return undefined;
  const pattern = translated(re2);
  return pattern !== undefined && isEcma(pattern) ? pattern : undefined;
}
