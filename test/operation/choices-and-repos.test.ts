import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { callOf, INJECTED, projectWith, refusal } from "./policy.ts";
import { accepts, bound, flagVerdict, whyNot } from "./typed.ts";

describe("a value of type enum", () => {
  const type = "enum";
  const choices = { type, enum: ["open", "closed", "-x", "--all", "", "constructor", "a b"] };

  it.each(["open", "closed", "", "constructor", "a b"])("may be %j, which is listed", (text) => {
    expect(accepts(choices, text)).toBe(true);
    expect(bound(choices, text)).toBe(text);
    expect(flagVerdict(choices, text)).toBe("taken");
  });

  it.each(["-x", "--all"])("may begin with a dash when it is listed so: %j", (text) => {
    expect(accepts(choices, text)).toBe(true);
    expect(flagVerdict(choices, text)).toBe("taken");
  });

  it.each([
    "Open",
    "open ",
    " open",
    "open\n",
    "ope",
    "opens",
    "toString",
    "__proto__",
    "-",
    "-y",
    "--al",
    "ｏpen",
    "opеn",
  ])("is never %j, which is not", (text) => {
    expect(whyNot(choices, text)).toContain("is none of open, closed");
    expect(accepts({ ...choices, allow_leading_dash: true }, text)).toBe(false);
    expect(bound(choices, text)).toBeUndefined();
    expect(flagVerdict(choices, text)).toContain("is none of open, closed");
  });

  it.each([[0], [null], [true], [["open"]], [{ open: 1 }], [undefined]])("is never %j", (value) => {
    expect(whyNot(choices, value)).toMatch(/^expected string, got /);
  });

  it("never holds a file of the host, a NUL or half a character, listed or not", () => {
    expect(accepts({ type, enum: ["file:///etc/passwd"] }, "file:///etc/passwd")).toBe(false);
    expect(accepts({ type, enum: ["a\0"] }, "a\0")).toBe(false);
    expect(whyNot({ type, enum: ["a"] }, "\ud800")).toContain("not valid Unicode");
  });
});

describe("a value of type owner_repo", () => {
  const type = "owner_repo";

  it.each([
    "o/r",
    "owner/repo",
    "Owner-1/repo.js",
    "o_w/r_e",
    "owner/.github",
    "a.b/c.d",
    "0/1",
    "owner/repo-",
    "a-b-c/d-e",
    "owner/git",
    "owner/x.gitx",
    `${"a".repeat(100)}/${"b".repeat(100)}`,
  ])("may be %j", (text) => {
    expect(accepts({ type }, text)).toBe(true);
    expect(bound({ type }, text)).toBe(text);
    expect(flagVerdict({ type }, text)).toBe("taken");
  });

  it.each([
    "",
    "/",
    "o",
    "o/",
    "/r",
    "o//r",
    "o/r/",
    "/o/r",
    "o/r/x",
    "github.com/o/r",
    "evil.example/o/r",
    "https://github.com/o/r",
    "https://evil.example/o/r",
    "git@github.com:o/r",
    "ssh://x/o",
    "o/r.git",
    "o/r.GIT",
    "o/.git",
    "../r",
    "o/..",
    "./r",
    "o/.",
    "../..",
    "./.",
    "o/..r",
    "o/r..",
    "o..p/r",
    "o/a..b",
    "-o/r",
    "o/-r",
    "--web/x",
    "-R/x",
    "o/r?x",
    "o/r#x",
    "o/r@main",
    "o/r:x",
    "o/%2e%2e",
    "o%2fr",
    "o\\r",
    "o/r\\x",
    "o/r x",
    " o/r",
    "o/r ",
    "o/r\n",
    "\no/r",
    "o/r\0",
    "o/r\t",
    "o/é",
    "ö/r",
    "о/r",
    "o/r\u200b",
    "o/r\u202e",
    "o∕r",
    "o／r",
    "o/r\ud800",
    "o/r;x",
    "o/$(id)",
    "o/`id`",
    "{repo}",
    "@me/x",
    "o/*",
    "file://x",
    `${"a".repeat(101)}/b`,
    `a/${"b".repeat(101)}`,
  ])("is never %j", (text) => {
    expect(accepts({ type }, text)).toBe(false);
    expect(accepts({ type, allow_leading_dash: true }, text)).toBe(false);
    expect(bound({ type }, text)).toBeUndefined();
    expect(flagVerdict({ type }, text)).not.toBe("taken");
  });

  it("keeps to an enum and a pattern", () => {
    expect(accepts({ type, enum: ["o/r", "o/s"] }, "o/s")).toBe(true);
    expect(whyNot({ type, enum: ["o/r", "o/s"] }, "o/t")).toContain("is none of o/r, o/s");
    expect(whyNot({ type, enum: ["o/r"] }, "O/r")).toContain("is none of o/r");
    expect(whyNot({ type, pattern: "^mine/" }, "o/r")).toContain("does not match pattern");
    expect(whyNot({ type }, "o/r.git")).toBe('"o/r.git" is no owner_repo: it ends with .git');
  });

  it("is always two plain parts", () => {
    const piece = fc.constantFrom(...Array.from("ab.-_/0@:%\\ ~"), "..", "//", ".git", "github.com", "é");
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, (value) => {
        if (!accepts({ type }, value)) return;
        expect(value).toMatch(/^[A-Za-z0-9_.][A-Za-z0-9_.-]*\/[A-Za-z0-9_.][A-Za-z0-9_.-]*$/);
        expect(new URL(`https://host/${value}/x`).pathname).toBe(`/${value}/x`);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a typed word", () => {
  it.each<readonly [string, string, unknown]>([
    ["git_branch", "main", "main"],
    ["git_branch", "a..b", undefined],
    ["git_branch", "-x", undefined],
    ["git_ref", "refs/heads/main", "refs/heads/main"],
    ["git_ref", "a:b", undefined],
    ["url", "https://example.com/", "https://example.com/"],
    ["url", "https://example.com", undefined],
    ["url", "http://example.com/", undefined],
  ])("for type %s: %j is %j", (type, word, value) => {
    expect(bound({ type }, word)).toBe(value);
  });

  it("tells operations apart by type", () => {
    const operation = (type: string): object => ({
      command: "tool",
      args_template: ["{x}"],
      params: { x: { type, ...(type === "enum" ? { enum: ["all"] } : {}) } },
    });
    const project = projectWith({ one: operation("integer"), url: operation("url"), repo: operation("owner_repo") });
    const meant = (word: string): string => reverseMatch(project, INJECTED, ["tool", word]).operation;
    expect([meant("5"), meant("https://a/"), meant("o/r")]).toEqual(["one", "url", "repo"]);
    expect(refusal(() => meant("all")).code).toBe("argv_no_match");
  });

  it("is matched inside a text, where both halves have to be of the type and equal", () => {
    const push = projectWith({
      op: {
        command: "git",
        args_template: ["push", "{b}:refs/heads/{b}"],
        params: { b: { type: "git_branch" } },
      },
      scale: { command: "tool", args_template: ["--scale={n}x"], params: { n: { type: "number" } } },
    });
    const match = (...words: readonly string[]): unknown =>
      Object.fromEntries(reverseMatch(push, INJECTED, words).params);
    expect(match("git", "push", "main:refs/heads/main")).toEqual({ b: "main" });
    for (const word of ["+main:refs/heads/+main", "a b:refs/heads/a b", "-d:refs/heads/-d", "a:refs/heads/b"])
      expect(refusal(() => match("git", "push", word)).code).toBe("argv_no_match");
    expect(match("tool", "--scale=1.5x")).toEqual({ n: 1.5 });
    for (const word of ["--scale=x", "--scale=1e3x", "--scale=-1x", "--scale=.5x"])
      expect(refusal(() => match("tool", word)).code).toBe("argv_no_match");
  });
});

describe("a flag with rules", () => {
  it.each([
    [{}, "-x", "begins with '-'"],
    [{ type: "path" as const }, "-x", "begins with '-'"],
    [{ type: "path" as const }, "a/b", "taken"],
    [{ allow_leading_dash: true }, "-x", "taken"],
    [{ type: "git_ref" as const, allow_leading_dash: true }, "-x", "is no git_ref: it begins with '-'"],
    [{ type: "git_branch" as const }, "main", "taken"],
    [{ type: "git_branch" as const }, "a:b", "is no git_branch"],
    [{ type: "integer" as const }, "-5", "taken"],
  ])("%j: %j is %s", (rule, text, verdict) => {
    expect(flagVerdict(rule, text)).toContain(verdict);
  });

  it("may stand several times when it says so, and each value is checked", () => {
    const project = projectWith({
      op: {
        command: "tool",
        args_template: [],
        allowed_flags: [{ flag: "--label", pattern: "^[a-z]+$", repeat: true }, { flag: "--once" }],
      },
    });
    expect(callOf(project, {}, ["--label=a", "--label", "b"]).flags).toEqual(["--label=a", "--label=b"]);
    expect(refusal(() => callOf(project, {}, ["--label=a", "--label=B"])).message).toContain("does not match pattern");
    expect(refusal(() => callOf(project, {}, ["--once=a", "--once=b"])).message).toContain("--once: stands twice");
  });

  it("that takes several values never has one that begins with a dash", () => {
    const project = projectWith({
      op: {
        command: "tool",
        args_template: [],
        allowed_flags: [{ flag: "--many", allow_leading_dash: true }],
        multi_value_flags: ["--many"],
      },
    });
    expect(callOf(project, {}, ["--many", "a", "b"]).flags).toEqual(["--many", "a", "b"]);
    expect(refusal(() => callOf(project, {}, ["--many=-x"])).message).toContain("begins with '-'");
  });
});
