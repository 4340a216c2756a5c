import { describe, expect, it } from "vitest";
import { beginningWithin, endWithin, tokensOf } from "../../mcp/tokens.ts";

/** Characters for one token. */
function density(text: string): number {
  return text.length / tokensOf(text);
}

const PROSE = "The quick brown fox jumps over the lazy dog, and then it goes home to sleep for a while. ".repeat(20);
const CODE = 'export function nameOf(value: string): string {\n  return value.split("/").at(-1) ?? "";\n}\n'.repeat(20);

describe("the estimate of tokens", () => {
  it("counts prose at 3 to 5 characters a token, and code at 1.8 to 4", () => {
    expect(density(PROSE)).toBeGreaterThan(3);
    expect(density(PROSE)).toBeLessThan(5);
    expect(density(CODE)).toBeGreaterThan(1.8);
    expect(density(CODE)).toBeLessThan(4);
  });

  it.each([
    ["digests", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".repeat(20)],
    ["base64", Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 197 + 31) % 256)).toString("base64")],
    ["numbers", "4 815 162 342 ".repeat(50)],
    ["JSON without spaces", JSON.stringify({ a: [1, 2, { b: "c", d: null }], e: "f" }).repeat(50)],
  ])("counts %s at 2 characters a token at most", (_, text) => {
    expect(density(text)).toBeLessThanOrEqual(2.05);
  });

  it("counts CJK at one character a token at most, and emoji dearer", () => {
    expect(density("吾輩は猫である。名前はまだ無い。".repeat(20))).toBeLessThanOrEqual(1);
    expect(tokensOf("😀".repeat(10))).toBeGreaterThanOrEqual(30);
  });

  it("counts what JSON writes as an escape like the escape", () => {
    expect(tokensOf("\u0000".repeat(100))).toBeGreaterThanOrEqual(300);
    expect(tokensOf('"'.repeat(100))).toBeGreaterThanOrEqual(100);
  });

  it("is the sum of its lines", () => {
    const lines = CODE.split(/(?<=\n)/);
    expect(lines.map(tokensOf).reduce((a, b) => a + b)).toBeCloseTo(tokensOf(CODE), 6);
  });
});

describe("the part of a text within a number of tokens", () => {
  it.each([PROSE, CODE, "吾輩は猫である".repeat(99), "😀".repeat(500), "a".repeat(5_000), " ".repeat(5_000)])(
    "at its beginning or its end fits, and hardly more would",
    (text) => {
      for (const part of [beginningWithin(text, 50), endWithin(text, 50)]) {
        expect(tokensOf(part)).toBeLessThanOrEqual(50);
        expect(tokensOf(part)).toBeGreaterThan(45);
        expect(part.isWellFormed()).toBe(true);
      }
      expect(text.startsWith(beginningWithin(text, 50))).toBe(true);
      expect(text.endsWith(endWithin(text, 50))).toBe(true);
    },
  );

  it("is all of it when it fits", () => {
    expect(beginningWithin("short", 50)).toBe("short");
    expect(endWithin("short", 50)).toBe("short");
  });
});
