import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tempDirectory } from "../fixtures/temp.ts";
import { accepts, whyNot } from "./typed.ts";

const HEX = "0123456789abcdef";
const SHA1 = HEX.repeat(2) + HEX.slice(0, 8);
const SHA256 = HEX.repeat(4);

const GOOD_BOTH = [
  "main",
  "a",
  "0",
  "ai/fix-1",
  "a/b/c",
  "feature/#12",
  "v1.2.3",
  "a-b_c.d",
  "a@b",
  "@a",
  "a/@",
  "{a}",
  "a@",
  "a$b",
  "a%2e%2eb",
  "a'b",
  'a"b',
  "a;b",
  "a|b",
  "a&b",
  "$(id)",
  "`id`",
  "a!b",
  "a,b",
  "a=b",
  "a+b",
  "(a)",
  "<a>",
  "head",
  "HEADS",
  "a/HEAD",
  "origin/HEAD",
  "a-",
  "a/-b",
  "a.lockx",
  "lock",
  "a.LOCK",
  "refs",
  "refsx/heads/a",
  "日本語",
  "é",
  "😀",
  HEX,
  SHA1.slice(1),
  `${SHA1}0`,
  `x${SHA1.slice(1)}`,
  "a".repeat(255),
];
const GOOD_REF_ONLY = [
  "HEAD",
  "refs/heads/main",
  "refs/tags/v1",
  "refs/remotes/origin/main",
  "refs/x",
  "refs/pull/1/head",
  SHA1,
  SHA1.toUpperCase(),
  SHA256,
];
const BAD = [
  "",
  "-",
  "-a",
  "--",
  "--format=x",
  "--upload-pack=touch x",
  "-Otouch",
  "refs/heads/-a",
  "refs/heads/--format=x",
  "refs/tags/-a",
  "@",
  "@{-1}",
  "@{u}",
  "a@{1}",
  "main@{upstream}",
  "a..b",
  "..",
  "a...b",
  "a/..",
  "../a",
  "a/../b",
  ".",
  ".a",
  "a/.b",
  "a/.",
  "./a",
  "a.",
  "a/b.",
  "a~",
  "a~1",
  "~a",
  "a^",
  "^a",
  "a^{commit}",
  "a^2",
  "a:b",
  ":a",
  "a:",
  "+a",
  "+refs/heads/a",
  "+a:b",
  "+refs/heads/*:refs/heads/*",
  ":/fix",
  "HEAD:/etc/passwd",
  "ext::sh -c touch",
  "fd::3",
  "https://evil.example/x",
  "git@github.com:o/r",
  "file:///etc/passwd",
  "a?",
  "a*",
  "refs/heads/*",
  "a[b",
  "[",
  "a\\b",
  "\\",
  " a",
  "a ",
  "a b",
  " ",
  "a\tb",
  "a\n",
  "\na",
  "a\r",
  "a\0b",
  "a\x01",
  "a\x1b[31m",
  "a\x7f",
  "a\u0085b",
  "a\u009b31m",
  "a\u00a0b",
  "a\u2028b",
  "a\u2029b",
  "a\u202eb",
  "a\u2066b",
  "a\u3000b",
  "a\ud800",
  "/a",
  "a/",
  "/",
  "//",
  "a//b",
  "a.lock",
  "a.lock/b",
  "a/b.lock",
  "refs/heads/a.lock",
  ".lock",
];

describe.each(["git_ref", "git_branch"])("a value of type %s", (type) => {
  it.each(GOOD_BOTH)("may be %j", (text) => {
    expect(accepts({ type }, text)).toBe(true);
  });

  it.each(BAD)("is never %j, whatever the schema permits", (text) => {
    expect(accepts({ type }, text)).toBe(false);
    expect(accepts({ type, allow_leading_dash: true }, text)).toBe(false);
    if (text.isWellFormed()) expect(accepts({ type, enum: [text] }, text)).toBe(false);
  });

  it.each([[5], [null], [true], [["main"]], [{ main: 1 }], [undefined]])("is never %j", (value) => {
    expect(whyNot({ type }, value)).toMatch(/^expected string, got /);
  });

  it("keeps to the other rules too", () => {
    expect(whyNot({ type, pattern: "^ai/" }, "main")).toContain("does not match pattern");
    expect(whyNot({ type, maxLength: 3 }, "main")).toContain("exceeds maximum 3");
    expect(whyNot({ type, enum: ["main", "dev"] }, "x")).toContain("is none of main, dev");
    expect(accepts({ type, enum: ["main"] }, "main")).toBe(true);
  });
});

describe("a value of type git_ref", () => {
  it.each(GOOD_REF_ONLY)("may be %j, which git_branch may not", (text) => {
    expect(accepts({ type: "git_ref" }, text)).toBe(true);
    expect(accepts({ type: "git_branch" }, text)).toBe(false);
  });

  it("is refused with the reason", () => {
    expect(whyNot({ type: "git_ref" }, "a..b")).toBe('"a..b" is no git_ref: it has ..');
    expect(whyNot({ type: "git_branch" }, "refs/heads/a")).toBe(
      '"refs/heads/a" is no git_branch: it is the full name of a ref',
    );
    expect(whyNot({ type: "git_branch" }, SHA1)).toContain("it is an object id");
    expect(whyNot({ type: "git_branch" }, "HEAD")).toContain("HEAD is no branch");
  });
});

/** Those of `texts` that git's own check prints back unchanged; one start of git each, one start of ours. */
function gitKeeps(option: readonly string[], texts: readonly string[]): ReadonlySet<string> {
  const { stdout } = spawnSync("xargs", ["-0", "-n1", "git", "check-ref-format", ...option], {
    cwd: tempDirectory(),
    input: texts.map((text) => `${text}\0`).join(""),
    encoding: "utf8",
  });
  return new Set(stdout.split("\n"));
}

const piece = fc.constantFrom(
  ...Array.from("ab/.-@{}~^:?*[]\\+ =%#0"),
  ..."..|@{|.lock|HEAD|refs/|heads/|//|/.|é|日|\u202e|\u00a0|\n|\x7f|--|a/b|main".split("|"),
  SHA1,
);
const name = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(""));

describe("every name", () => {
  const samples = [...new Set([...fc.sample(name, { numRuns: 900, seed: 7 }), ...GOOD_BOTH, ...GOOD_REF_ONLY])];

  it("that git_branch accepts is a branch for git, and none begins with a dash", () => {
    const ours = samples.filter((text) => accepts({ type: "git_branch" }, text));
    expect(ours.length).toBeGreaterThan(100);
    expect(ours.filter((text) => /^-|^refs\/|[\s:~^]/.test(text))).toEqual([]);
    const theirs = gitKeeps(["--branch"], ours);
    expect(ours.filter((text) => !theirs.has(text))).toEqual([]);
  });

  it("of printable ASCII without a dash or plus in front is a git_ref exactly when git takes it", () => {
    const plain = samples.filter(
      (text) => /^[\x20-\x7e]+$/.test(text) && !/^(?:refs\/(?:heads|tags)\/)?-|^\+/.test(text),
    );
    const theirs = gitKeeps(["--normalize", "--allow-onelevel"], plain);
    const differ = plain.filter((text) => accepts({ type: "git_ref" }, text) !== theirs.has(text));
    expect(differ).toEqual([]);
  });
});
