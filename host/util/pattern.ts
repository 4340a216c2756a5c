import { RE2JS } from "re2js";
import { MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";
import { byteLength } from "../../wire/text.ts";
import { messageOf } from "../../wire/errors.ts";

/**
 * An operator's pattern: RE2 syntax, compiled once, matched in time linear in the input. The only door to the RE2 library.
 * A pattern that backtracks could be made to run for minutes by 30 bytes from the container.
 */
export interface Pattern {
  readonly source: string;
  /** True when the pattern is found anywhere in `text`. Text over the protocol's bound never matches. */
  found(text: string): boolean;
  /** True when the pattern matches the whole of `text`. */
  matchesWhole(text: string): boolean;
}

export type CompiledPattern =
  { readonly ok: true; readonly pattern: Pattern } | { readonly ok: false; readonly message: string };

/** Compiles `source`; lookaround, back references and other non-RE2 syntax are not ok. */
export function compilePattern(source: string): CompiledPattern {
  try {
    const compiled = RE2JS.compile(source);
    const short = (text: string): boolean => byteLength(text) <= MAX_REQUEST_BYTES_ANNOUNCED;
    return {
      ok: true,
      pattern: {
        source,
        found: (text) => short(text) && compiled.test(text),
        matchesWhole: (text) => short(text) && compiled.testExact(text),
      },
    };
  } catch (error) {
    return { ok: false, message: messageOf(error).replace(/^error parsing regexp: /, "") };
  }
}

/** Where something was found: positions in the text, the second behind its end. */
export type Span = readonly [number, number];

/** Compiles `source` for finding every place that it matches, in time linear in the text. */
export function compileFinder(
  source: string,
):
  | { readonly ok: true; readonly find: (text: string) => readonly Span[] }
  | { readonly ok: false; readonly message: string } {
  const checked = compilePattern(source);
  if (!checked.ok) return checked;
  const compiled = RE2JS.compile(source);
  return {
    ok: true,
    find: (text) => {
      const matcher = compiled.matcher(text);
      const spans: Span[] = [];
      while (matcher.find()) if (matcher.end() > matcher.start()) spans.push([matcher.start(), matcher.end()]);
      return spans;
    },
  };
}

/** `text` as a pattern that matches exactly it. */
export function escapePattern(text: string): string {
  return RE2JS.quote(text);
}

/**
 * Compiles `source` so that it must match the whole text, and returns what its groups caught, in order, or undefined. For patterns that we
 * build ourselves from escaped text; throws on anything else.
 */
export function compileCapture(source: string): (text: string) => readonly string[] | undefined {
  const compiled = RE2JS.compile(`(?s)\\A(?:${source})\\z`);
  return (text) => {
    const matcher = compiled.matcher(text);
    if (!matcher.matches()) return undefined;
    return Array.from({ length: compiled.groupCount() }, (_, index) => matcher.group(index + 1) ?? "");
  };
}
