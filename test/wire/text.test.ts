import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteLength, printable, printableLines, quoted, shortened } from "../../wire/text.ts";

/** Everything that a terminal or a log reader could take for more than a letter. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/u;

describe("quoted text", () => {
  it.each([
    ["", '""'],
    ["plain text, with 'quotes'", "\"plain text, with 'quotes'\""],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    ["\x07\b\t\n\v\f\r", '"\\a\\b\\t\\n\\v\\f\\r"'],
    ["\0\x01\x1b[31m\x7f", '"\\x00\\x01\\x1b[31m\\x7f"'],
    ["\x80\x85\x9b\xa0\xad", '"\\u0080\\u0085\\u009b\\u00a0\\u00ad"'],
    ["\u202e\u2028\u2066\u200b\ufeff", '"\\u202e\\u2028\\u2066\\u200b\\ufeff"'],
    ["\u3000\ue000\uffff", '"\\u3000\\ue000\\uffff"'],
    ["\u{10ffff}\u{e0001}", '"\\U0010ffff\\U000e0001"'],
    ["é日本😀\ufffd", '"é日本😀\ufffd"'],
    ["e\u0301", '"e\u0301"'],
    ["\ud800", '"\\ud800"'],
  ])("of %j is %s, as Go's %%q writes it", (text, expected) => {
    expect(quoted(text)).toBe(expected);
  });

  it("steers nothing, and tells any two texts apart", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(quoted(a)).not.toMatch(STEERING);
        expect(quoted(a) === quoted(b)).toBe(a === b);
      }),
      { numRuns: 500 },
    );
  });
});

describe("printable text", () => {
  it("stays what it is when it steers nothing", () => {
    for (const text of ["", 'plain "text" \\n', "é日本😀"]) expect(printable(text)).toBe(text);
  });

  it("shows controls, C1, bidi marks and separators as escapes", () => {
    expect(printable('a\nb\r\x1b[2J\u009b1m\u202e"\\\u2029\0')).toBe('a\\nb\\r\\x1b[2J\\u009b1m\\u202e"\\\\u2029\\x00');
  });

  it("never steers, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(STEERING);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps line breaks and tabs, and nothing else of the kind, when it is for several lines", () => {
    expect(printableLines("a\tb\nc\r\n\x1b[0m\u202e\n")).toBe("a\tb\nc\\r\n\\x1b[0m\\u202e\n");
  });
});

describe("a length", () => {
  it("is counted in bytes of UTF-8", () => {
    expect(["", "a", "é", "日", "😀", "\ud800"].map(byteLength)).toEqual([0, 1, 2, 3, 4, 3]);
  });
});

describe("shortened text", () => {
  it("is the text itself when it fits", () => {
    expect(shortened("ééé", 6)).toBe("ééé");
    expect(shortened("", 0)).toBe("");
  });

  it("says how much is missing", () => {
    expect(shortened("abcdef", 4)).toBe("abcd… (2 more bytes)");
    expect(shortened("ééé", 5)).toBe("éé… (2 more bytes)");
    expect(shortened("😀x", 3)).toBe("… (5 more bytes)");
    expect(shortened("abc", 0)).toBe("… (3 more bytes)");
  });

  it("begins with whole characters of the text, as many as fit, and counts the rest", () => {
    const text = fc.string({
      unit: fc.oneof(fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }), fc.constantFrom("\ufeff", "é", "😀")),
    });
    fc.assert(
      fc.property(text, fc.nat(40), (whole, max) => {
        const result = shortened(whole, max);
        if (byteLength(whole) <= max) {
          expect(result).toBe(whole);
          return;
        }
        const [, head = "", rest = ""] = /^(.*)… \((\d+) more bytes\)$/su.exec(result) ?? [];
        expect(result).toMatch(/… \(\d+ more bytes\)$/);
        expect(whole.startsWith(head)).toBe(true);
        expect(head.isWellFormed()).toBe(true);
        expect(byteLength(head)).toBeLessThanOrEqual(max);
        expect(byteLength(head)).toBeGreaterThan(max - 4);
        expect(byteLength(head) + Number(rest)).toBe(byteLength(whole));
      }),
      { numRuns: 500 },
    );
  });
});
