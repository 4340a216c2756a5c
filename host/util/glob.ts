import { compilePattern, escapePattern, type Pattern } from "./pattern.ts";

/**
 * Globs of path_deny. They are translated to RE2 and not given to a glob library, because those match by backtracking:
 * `**\/a*a*a*a*b` against a long name of the container's choice takes minutes there.
 *
 * `*` and `?` do not cross `/`; `[a-z]` and `[^a-z]` are classes; `\` takes the next character as it is. A component `**` is any
 * number of components, also none. There is no implicit prefix: `.env*` is not `secrets/.env`.
 */
export type CompiledGlob =
  { readonly ok: true; readonly glob: Glob } | { readonly ok: false; readonly message: string };

export interface Glob {
  readonly source: string;
  /** `path`: clean, relative, with `/`. */
  matches(path: string, ignoreCase: boolean): boolean;
}

class GlobSyntaxError extends Error {}

/** Cleans `a/../b`, `./b`, `b//c` as a path would be cleaned, without touching the disk. */
export function cleanRelative(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && out.length > 0 && out.at(-1) !== "..") out.pop();
    else out.push(part);
  }
  return (path.startsWith("/") ? "/" : "") + (out.length === 0 ? "." : out.join("/"));
}

function classSource(component: readonly string[], start: number): { readonly source: string; readonly next: number } {
  let at = start + 1;
  const negated = component[at] === "^";
  if (negated) at++;
  const ranges: string[] = [];
  const character = (): string => {
    if (component[at] === "\\") at++;
    const value = component[at];
    if (value === undefined) throw new GlobSyntaxError("unterminated [ ]");
    at++;
    return value;
  };
  while (component[at] !== "]") {
    if (component[at] === "-") throw new GlobSyntaxError("a range without a start");
    const from = character();
    let to = from;
    if (component[at] === "-") {
      at++;
      if (component[at] === "]") throw new GlobSyntaxError("a range without an end");
      to = character();
    }
    if (to < from) throw new GlobSyntaxError(`the range ${from}-${to} is backwards`);
    const escape = (text: string): string => `\\x{${(text.codePointAt(0) ?? 0).toString(16)}}`;
    ranges.push(from === to ? escape(from) : `${escape(from)}-${escape(to)}`);
  }
  if (ranges.length === 0) throw new GlobSyntaxError("an empty [ ]");
  return { source: negated ? `[^/${ranges.join("")}]` : `[${ranges.join("")}]`, next: at + 1 };
}

function componentSource(component: string): string {
  const characters = Array.from(component);
  let out = "";
  for (let at = 0; at < characters.length;) {
    const character = characters[at] ?? "";
    if (character === "*") out += "[^/]*";
    else if (character === "?") out += "[^/]";
    else if (character === "[") {
      const found = classSource(characters, at);
      out += found.source;
      at = found.next;
      continue;
    } else if (character === "\\") {
      at++;
      const next = characters[at];
      if (next === undefined) throw new GlobSyntaxError("a trailing backslash");
      out += escapePattern(next);
    } else out += escapePattern(character);
    at++;
  }
  return out;
}

function globSource(glob: string): string {
  // Several ** in a row are one.
  const components = glob.split("/").filter((component, index, all) => component !== "**" || all[index - 1] !== "**");
  let out = "";
  components.forEach((component, index) => {
    const first = index === 0;
    const last = index === components.length - 1;
    if (component !== "**") {
      const separator = first || components[index - 1] === "**" ? "" : "/";
      out += separator + componentSource(component);
    } else if (last) {
      // A trailing ** also matches nothing: `.git/**` is `.git` too.
      out += first ? ".*" : "(?:/.*)?";
    } else {
      out += first ? "(?:.*/)?" : "/(?:.*/)?";
    }
  });
  return `(?s:${out})`;
}

function compiled(source: string): Pattern {
  const result = compilePattern(source);
  if (!result.ok) throw new GlobSyntaxError(result.message);
  return result.pattern;
}

/** Compiles a glob; a malformed one is not ok. */
export function compileGlob(source: string): CompiledGlob {
  try {
    const body = globSource(cleanRelative(source));
    const exact = compiled(body);
    const folded = compiled(`(?i)${body}`);
    return {
      ok: true,
      glob: { source, matches: (path, ignoreCase) => (ignoreCase ? folded : exact).matchesWhole(path) },
    };
  } catch (error) {
    if (error instanceof GlobSyntaxError) return { ok: false, message: error.message };
    throw error;
  }
}
