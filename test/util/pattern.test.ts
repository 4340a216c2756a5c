import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCapture, compilePattern, escapePattern, type Pattern } from "../../host/util/pattern.ts";
import { MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";

function pattern(source: string): Pattern {
  const compiled = compilePattern(source);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.pattern;
}

describe("a pattern", () => {
  it.each([
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(a)\\1",
    "(?>a)",
    "[",
    "(",
    "a)",
    "*",
    "a**",
    "a++",
    "\\",
    "(?x)a",
    "a{1001}",
    "[z-a]",
    "\\pX",
    "(?P<n>a)(?P<n>b)",
  ])("may not be %s", (source) => {
    const compiled = compilePattern(source);
    expect(compiled.ok).toBe(false);
    if (compiled.ok) return;
    expect(compiled.message).not.toBe("");
    expect(compiled.message).not.toMatch(/^error parsing/);
  });

  it.each([
    ["(?i)abc", "ABC"],
    ["\\Aabc\\z", "abc"],
    ["\\Q.*\\E", ".*"],
    ["^\\pL+$", "日本é"],
    ["(?P<name>a)b", "ab"],
    ["^[[:alpha:]]+$", "abc"],
    ["(?U)a+", "aaa"],
    ["(?s)a.b", "a\nb"],
    ["(?m)^b$", "a\nb\nc"],
    ["^.$", "😀"],
    ["", ""],
  ])("may be %s", (source, text) => {
    expect(pattern(source).source).toBe(source);
    expect(pattern(source).found(text)).toBe(true);
  });

  it("is found anywhere unless it is anchored, and matches a whole text only as a whole", () => {
    expect(pattern("b").found("abc")).toBe(true);
    expect(pattern("^b").found("abc")).toBe(false);
    expect(pattern("b").matchesWhole("abc")).toBe(false);
    expect(pattern("a|ab").matchesWhole("ab")).toBe(true);
    expect(pattern("^ai/").matchesWhole("ai/x")).toBe(false);
    expect(pattern("ai/.+").matchesWhole("ai/x\nmain")).toBe(false);
  });

  it("takes $ for the end of the text, not for the end of a line or before the last line break", () => {
    expect(pattern("^a$").found("a\n")).toBe(false);
    expect(pattern("^a$").found("a\nb")).toBe(false);
    expect(pattern("^a$").found("a")).toBe(true);
  });

  it("takes white space for ASCII white space without the vertical tab", () => {
    expect(["\t", "\n", "\f", "\r", " "].every((text) => pattern("^\\s$").found(text))).toBe(true);
    expect(["\v", "\u00a0", "\u2003", "\ufeff"].some((text) => pattern("^\\s$").found(text))).toBe(false);
    expect(pattern("^\\S+$").found("a\u00a0b")).toBe(true);
    expect(pattern("^\\w$").found("é")).toBe(false);
    expect(pattern("^\\d$").found("٣")).toBe(false);
  });

  it.each(["^([a-zA-Z0-9._-]+\\/?)+$", "^(a+)+$", "^(a|a)*$", "^(.*a){20}$", "(x+x+)+y"])(
    "%s takes no more than linear time",
    (source) => {
      const compiled = pattern(source);
      expect(compiled.found(`${"a".repeat(20_000)}!`)).toBe(false);
      expect(compiled.matchesWhole(`${"a".repeat(20_000)}!`)).toBe(false);
    },
  );

  it("never matches a text that is longer than any request", () => {
    const longest = "a".repeat(MAX_REQUEST_BYTES_ANNOUNCED);
    expect(pattern("^a").found(longest)).toBe(true);
    expect(pattern("^a").found(`${longest}a`)).toBe(false);
    expect(pattern("(?s).*").matchesWhole(`${longest}a`)).toBe(false);
    expect(pattern("^é").found("é".repeat(MAX_REQUEST_BYTES_ANNOUNCED / 2 + 1))).toBe(false);
  });

  it("keeps no state between two texts", () => {
    const compiled = pattern("a");
    expect([1, 2, 3].map(() => compiled.found("ba"))).toEqual([true, true, true]);
  });
});

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...Array.from("\\.*+?()[]{}|^$-/\n\t aE😀é\0")),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
  ),
});

describe("an escaped text", () => {
  it("matches itself and nothing else", () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const compiled = pattern(escapePattern(one));
        expect(compiled.matchesWhole(one)).toBe(true);
        expect(compiled.matchesWhole(other)).toBe(one === other);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a capturing pattern", () => {
  it("gives what its groups caught in a whole text, line breaks too, or undefined", () => {
    const capture = compileCapture("--title=(.*) --n=([0-9]+)(x)?");
    expect(capture("--title=a\nb --n=5")).toEqual(["a\nb", "5", ""]);
    expect(capture("--title= --n=5x")).toEqual(["", "5", "x"]);
    expect(capture("--title=a --n=")).toBeUndefined();
    expect(capture(" --title=a --n=5")).toBeUndefined();
    expect(capture("--title=a --n=5\n")).toBeUndefined();
    expect(compileCapture("a|b")("ab")).toBeUndefined();
    expect(compileCapture("a|ab")("ab")).toEqual([]);
  });

  it("cannot be made of what is no pattern", () => {
    expect(() => compileCapture("(")).toThrow();
  });

  it("gives back any text between escaped texts", () => {
    fc.assert(
      fc.property(text, text, text, (before, value, behind) => {
        expect(compileCapture(`${escapePattern(before)}(.*)${escapePattern(behind)}`)(before + value + behind)).toEqual(
          [value],
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
