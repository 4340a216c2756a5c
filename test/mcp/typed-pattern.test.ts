import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern } from "../../host/util/pattern.ts";
import { jsonSchemaPattern } from "../../mcp/typed/pattern.ts";
import { projectRoot } from "../fixtures/temp.ts";

/** Whether RE2 finds the pattern in the text; undefined when it is not RE2. */
function foundByRe2(pattern: string, text: string): boolean | undefined {
  const compiled = compilePattern(pattern);
  return compiled.ok ? compiled.pattern.found(text) : undefined;
}

function foundBySchema(pattern: string, text: string): boolean | undefined {
  const translated = jsonSchemaPattern(pattern);
  return translated === undefined ? undefined : new RegExp(translated, "u").test(text);
}

const PIECES = [
  ...[
    "a",
    "z",
    "_",
    "-",
    "]",
    "[",
    "^",
    "$",
    ".",
    "*",
    "+",
    "?",
    "|",
    "(",
    ")",
    "(?:",
    "(?i)",
    "(?P<n>",
    "{2}",
    "{,3}",
    ",",
  ],
  ...["[^", "[a-c", "[]", "[^]", "[:alpha:]", "[[", "a-z", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "\\b", "\\pL"],
  ...[
    "\\.",
    "\\-",
    "\\]",
    "\\[",
    "\\/",
    "\\_",
    "\\@",
    "\\ ",
    "\\n",
    "\\v",
    "\\A",
    "\\z",
    "\\Q",
    "\\x41",
    "\\1",
    "é",
    "\\",
  ],
];
const TEXT_PIECES = [
  "a",
  "z",
  "A",
  "_",
  "-",
  "]",
  "[",
  "^",
  "$",
  ".",
  ",",
  "@",
  " ",
  "\n",
  "\r",
  "\v",
  "\u00a0",
  "\u2028",
  "é",
  "é",
  "1",
  "٣",
  "\\",
  "/",
];

describe("a pattern in a schema", () => {
  it("is found in exactly the texts in which RE2 finds the configuration's", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }),
        fc.array(fc.array(fc.constantFrom(...TEXT_PIECES), { maxLength: 4 }), { minLength: 8, maxLength: 8 }),
        (pieces, texts) => {
          const pattern = pieces.join("");
          for (const text of texts.map((parts) => parts.join(""))) {
            const expected = foundByRe2(pattern, text);
            const actual = foundBySchema(pattern, text);
            if (expected === undefined || actual === undefined) continue;
            compared++;
            expect(actual, `${pattern} in ${JSON.stringify(text)}`).toBe(expected);
          }
        },
      ),
      { numRuns: 6_000 },
    );
    expect(compared).toBeGreaterThan(500);
  });

  it.each([
    ["^[a-z]+$", "^[a-z]+$"],
    ["^\\d{2,3}\\.x$", "^[0-9]{2,3}\\.x$"],
    ["^[\\w.-]+$", "^[A-Za-z0-9_.-]+$"],
    ["^[\\w-]+$", "^[A-Za-z0-9_-]+$"],
    ["^\\S+$", "^[^\\t\\n\\f\\r ]+$"],
    ["a.c", "a[^\\n]c"],
    ["\\Aa\\@b\\z", "^a@b$"],
    ["[\\/\\:]", "[\\/:]"],
    ["x\\-y[\\-]", "x-y[\\-]"],
  ])("writes %s as %s, which all read alike", (re2, schema) => {
    expect(jsonSchemaPattern(re2)).toBe(schema);
  });

  it.each([
    ["a flag", "(?i)a"],
    ["a named group", "(?P<x>a)"],
    ["a class of Unicode", "\\p{L}"],
    ["a class of Unicode in brackets", "[\\pL]"],
    ["a named class", "[[:alpha:]]"],
    ["a negated class in brackets", "[\\S]"],
    ["an edge of a word", "\\ba"],
    ["a quotation", "\\Qa.b\\E"],
    ["a brace that stands for itself", "a{,3}"],
    ["a bracket that stands for itself", "[]a]"],
    ["a range out of a class", "[\\w-z]"],
    ["a character of two units", "😀"],
    ["a backslash at the end", "a\\"],
  ])("leaves out %s", (_, re2) => {
    expect(jsonSchemaPattern(re2)).toBeUndefined();
  });

  it("can be written for most patterns of the shipped templates", () => {
    const directory = join(projectRoot, "templates");
    const names = readdirSync(directory).filter((name) => name.endsWith(".json") && !name.endsWith(".cases.json"));
    const patterns = names.flatMap((name) => {
      const text = readFileSync(join(directory, name), "utf8");
      return [...text.matchAll(/"pattern": ("(?:[^"\\]|\\.)*")/g)].map(
        ([, quoted = ""]) => JSON.parse(quoted) as string,
      );
    });
    const written = patterns.filter((pattern) => jsonSchemaPattern(pattern) !== undefined);
    expect(patterns.length).toBeGreaterThan(20);
    expect(written.length / patterns.length).toBeGreaterThan(0.5);
  });
});
