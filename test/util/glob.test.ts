import fc from "fast-check";
import picomatch from "picomatch";
import { describe, expect, it } from "vitest";
import { cleanRelative, compileGlob, type Glob } from "../../host/util/glob.ts";

function glob(source: string): Glob {
  const compiled = compileGlob(source);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.glob;
}

function matches(source: string, path: string): boolean {
  return glob(source).matches(path, false);
}

/** The library's short ways for globs such as `*.*` want something behind the dot; its long way does not. */
const LIKE_OURS = { dot: true, nobrace: true, noextglob: true, nonegate: true, fastpaths: false };

const name = fc
  .array(fc.constantFrom("a", "b", "ab", "*", "?", "[ab]", "."), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""))
  .filter((text) => !text.includes("**") && !/^\.+$/.test(text));
const globs = fc
  .array(fc.oneof({ weight: 3, arbitrary: name }, { weight: 1, arbitrary: fc.constant("**") }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join("/"));
const paths = fc
  .array(
    fc
      .string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 4 })
      .filter((text) => !/^\.+$/.test(text)),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join("/"));

/** The rule as it is written: ** is any number of components, the others match one each. */
function componentsMatch(glob: readonly string[], path: readonly string[]): boolean {
  const [first, ...others] = glob;
  if (first === undefined) return path.length === 0;
  if (first === "**") return [...path, ""].some((_, index) => componentsMatch(others, path.slice(index)));
  const [name, ...rest] = path;
  return name !== undefined && nameMatches(first, name) && componentsMatch(others, rest);
}

function nameMatches(glob: string, name: string): boolean {
  if (glob === "") return name === "";
  if (glob.startsWith("*"))
    return Array.from({ length: name.length + 1 }, (_, index) => name.slice(index)).some((rest) =>
      nameMatches(glob.slice(1), rest),
    );
  const [, unit = "", others = ""] = /^(\[ab\]|.)(.*)$/.exec(glob) ?? [];
  const [character = ""] = name;
  const same =
    unit === "?" ? character !== "" : unit === "[ab]" ? character === "a" || character === "b" : character === unit;
  return same && nameMatches(others, name.slice(1));
}

describe("cleaning a path", () => {
  it.each([
    ["a", "a"],
    ["./a", "a"],
    ["a/./b", "a/b"],
    ["a//b/", "a/b"],
    ["a/../b", "b"],
    ["a/b/../../c", "c"],
    ["../a", "../a"],
    ["a/../../b", "../b"],
    ["../../a/..", "../.."],
    ["", "."],
    [".", "."],
    ["a/..", "."],
    ["/a/../b", "/b"],
    ["/", "/."],
    ["...", "..."],
  ])("makes %j to %j", (path, clean) => {
    expect(cleanRelative(path)).toBe(clean);
  });
});

describe("a glob", () => {
  it.each([
    [".git/**", ".git/config"],
    [".git/**", ".git"],
    [".git/**", ".git/a/b/c"],
    [".github/workflows/**", ".github/workflows/ci.yml"],
    ["**/*.pem", "certs/server.pem"],
    ["**/*.pem", "key.pem"],
    ["**/*.pem", "a/b/.pem"],
    [".env*", ".env"],
    [".env*", ".env.local"],
    ["./.env*", ".env"],
    ["x/../.env*", ".env"],
    ["a/**/b", "a/b"],
    ["a/**/b", "a/x/y/b"],
    ["a/**/**/b", "a/b"],
    ["a/**/**", "a"],
    ["a/**/**/**", "a/b"],
    ["**", "anything/at/all"],
    ["**/**", "a"],
    ["**/a/**", "x/a"],
    ["**/a/**", "a"],
    ["a?c", "abc"],
    ["a?c", "a😀c"],
    ["[a-c]x", "bx"],
    ["[^a-c]x", "dx"],
    ["[\\]]", "]"],
    ["[a\\-z]", "-"],
    ["[.]", "."],
    ["[$]{1}", "${1}"],
    ["\\*", "*"],
    ["a\\b", "ab"],
    ["a.b+c(d)", "a.b+c(d)"],
    ["{a,b}", "{a,b}"],
    ["!a", "!a"],
    ["@(a)", "@(a)"],
    ["*", ""],
    ["a**b", "axxb"],
    ["a\nb*", "a\nb\nc"],
    ["[é-ü]", "ö"],
    ["[😀-😂]", "😁"],
  ])("%s matches %j", (source, path) => {
    expect(matches(source, path)).toBe(true);
  });

  it.each([
    [".git/**", ".github/x"],
    [".git/**", "a/.git/config"],
    [".git/**", ".gitignore"],
    [".github/workflows/**", ".github/actions/x.yml"],
    ["**/*.pem", "src/main.go"],
    ["**/*.pem", "x.pem/y"],
    [".env*", "secrets/.env"],
    ["*", "a/b"],
    ["a?c", "a/c"],
    ["a[^b]c", "a/c"],
    ["a**b", "a/b"],
    ["a/**/b", "ab"],
    ["a/**/b", "a/xb"],
    ["a/**", "b/a/c"],
    ["[a-c]x", "dx"],
    ["a.b", "axb"],
    ["{a,b}", "a"],
    ["A", "a"],
    ["a", "a\n"],
    ["a", "ab"],
    ["b", "ab"],
  ])("%s does not match %j", (source, path) => {
    expect(matches(source, path)).toBe(false);
  });

  it("can ignore case", () => {
    expect(glob("**/*.PEM").matches("Key.pem", true)).toBe(true);
    expect(glob("**/*.PEM").matches("Key.pem", false)).toBe(false);
    expect(glob("[a-c].É").matches("B.é", true)).toBe(true);
    expect(glob("a/**").matches("A/B", true)).toBe(true);
    expect(glob(".git/**").source).toBe(".git/**");
  });

  it.each([
    ["[", "unterminated [ ]"],
    ["[a", "unterminated [ ]"],
    ["[a-", "unterminated [ ]"],
    ["[\\", "unterminated [ ]"],
    ["[^", "unterminated [ ]"],
    ["a[b/c]", "unterminated [ ]"],
    ["[]", "an empty [ ]"],
    ["[^]", "an empty [ ]"],
    ["[]a]", "an empty [ ]"],
    ["[-a]", "a range without a start"],
    ["[a-]", "a range without an end"],
    ["[z-a]", "the range z-a is backwards"],
    ["a\\", "a trailing backslash"],
    ["a\\/b", "a trailing backslash"],
  ])("%s is malformed", (source, message) => {
    expect(compileGlob(source)).toEqual({ ok: false, message });
  });

  it("of any text either is malformed or compiles, and then matches without throwing", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("ab/*?[]^-\\.!{}()|+$é😀\n")) }),
        fc.string({ unit: fc.constantFrom(...Array.from("ab/.-é\n")) }),
        (source, path) => {
          const compiled = compileGlob(source);
          if (compiled.ok) expect(typeof compiled.glob.matches(path, true)).toBe("boolean");
          else expect(compiled.message).not.toBe("");
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("matches its own escaped text and nothing else", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("ab*?[]^-\\.!{}()|+$é\n")), minLength: 1 }),
        fc.string({ unit: fc.constantFrom(...Array.from("ab*?[]^-\\.")) }),
        (name, other) => {
          if (name === "." || name === "..") return;
          const escaped = Array.from(name, (character) => `\\${character}`).join("");
          expect(matches(escaped, name)).toBe(true);
          expect(matches(escaped, other)).toBe(name === other);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("agrees with a matcher that goes component by component, and with a glob library where it means the same", () => {
    fc.assert(
      fc.property(globs, paths, (source, path) => {
        const ours = matches(source, path);
        expect(ours).toBe(componentsMatch(source.split("/"), path.split("/")));
        // The library wants something behind a/ for a/** when a has a wildcard.
        if (!source.endsWith("**")) {
          expect(ours).toBe(picomatch(source, LIKE_OURS)(path));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("takes no more than linear time", () => {
    expect(matches(`**/${"a*".repeat(30)}b`, `${"a".repeat(5_000)}/${"a".repeat(5_000)}`)).toBe(false);
    expect(matches(`${"**/".repeat(20)}x`, "a/".repeat(3_000) + "a")).toBe(false);
  });
});
