import { describe, expect, it } from "vitest";
import { checkBranches } from "../../host/operation/branch-policy.ts";
import { compilePattern } from "../../host/util/pattern.ts";
import { projectOf, refusal, URL } from "./policy.ts";
import { ALLOWED_BY } from "../../wire/codes.ts";
import { quoted } from "../../wire/text.ts";

function check(args: readonly string[], sources: readonly string[] = [], command = "git"): void {
  const patterns = sources.flatMap((source) => {
    const compiled = compilePattern(source);
    return compiled.ok ? [compiled.pattern] : [];
  });
  expect(patterns).toHaveLength(sources.length);
  checkBranches(command, args, patterns);
}

const to = (...branches: readonly string[]): readonly string[] => [
  "push",
  URL,
  ...branches.map((branch) => `x:refs/heads/${branch}`),
];

describe("branch_allow", () => {
  it.each([
    ["ai/.+", "ai/x", true],
    ["ai/.+", "ai/", false],
    ["ai/.+", "main", false],
    ["ai/.+", "xai/x", false],
    ["ai/.+", "ai/x/y", true],
    ["ai/.+", "ai/x\nmain", false],
    ["^ai/", "ai/x", false],
    ["^ai/", "ai/", true],
    ["ai", "ai", true],
    ["ai", "aix", false],
    ["^ai/.+$", "ai/x", true],
    ["a|b", "a", true],
    ["a|b", "ab", false],
    ["main|ai/.*", "maint", false],
    ["main|ai/.*", "ai/", true],
    ["", "x", false],
    ["(?i)ai/.+", "AI/x", true],
    ["ai/.+", "AI/x", false],
    [".*", "anything", true],
    [".*", "a\nb", false],
    ["constructor", "constructor", true],
  ])("%j matches the whole of %j: %j", (pattern, branch, allowed) => {
    if (allowed) {
      check(to(branch), [pattern]);
      return;
    }
    const error = refusal(() => {
      check(to(branch), [pattern]);
    });
    expect(error.code).toBe("branch_denied");
    expect(error.message).toBe(`branch ${JSON.stringify(branch)} not allowed`);
    expect(error.hint).toBe(`The whole name must match one of: ${quoted(pattern)}. ${ALLOWED_BY.owner}`);
  });

  it("must match every branch that is pushed to, each by any of the patterns", () => {
    check(to("a", "b"), ["a", "b"]);
    expect(
      refusal(() => {
        check(to("a", "c", "b"), ["a", "b"]);
      }).message,
    ).toBe('branch "c" not allowed');
  });

  it.each([
    [["push", URL, "main"]],
    [["push", URL]],
    [["push", "--all", URL]],
    [["push", URL, "x:refs/heads/ai/x", "--mirror"]],
    [["push", URL, "x:refs/heads/ai/x", "main"]],
    [["push", URL, "refs/heads/*:refs/heads/*"]],
    [["push", URL, "x:refs/tags/ai/x"]],
    [["subtree", "push", URL, "ai/x"]],
  ])("refuses what cannot be told, whatever it matches: %j", (args) => {
    const error = refusal(() => {
      check(args, [".*"]);
    });
    expect(error.code).toBe("branch_denied");
    expect(error.message).toMatch(/^branch not allowed: where it pushes to cannot be told/);
  });

  it.each([[to("ai/x")], [["push", URL]], [["push", "--all", URL]], [["-C", "x", "push"]], [["subtree", "push"]]])(
    "that is missing or empty refuses every push: %j",
    (args) => {
      const error = refusal(() => {
        check(args);
      });
      expect(error.code).toBe("branch_allow_missing");
    },
  );

  it.each([
    ["git", ["fetch", URL]],
    ["git", ["stash", "push"]],
    ["gh", ["push"]],
    ["git", []],
  ])("does not concern what pushes nothing: %s %j", (command, args) => {
    expect(() => {
      check(args, [], command);
    }).not.toThrow();
  });

  it("is compiled with the project, in order", () => {
    expect(projectOf({ constraints: { branch_allow: ["^b$", "a"] } }).branchAllow.map(({ source }) => source)).toEqual([
      "^b$",
      "a",
    ]);
    expect(projectOf({ constraints: {} }).branchAllow).toEqual([]);
    expect(projectOf({}).branchAllow).toEqual([]);
  });

  it("says a long or hostile name shortened and escaped", () => {
    const { message } = refusal(() => {
      check(to(`\u001b[2J\u202e${"x".repeat(5_000)}`), ["a"]);
    });
    expect(message).not.toContain("\u001b");
    expect(message).not.toContain("\u202e");
    expect(message.length).toBeLessThan(250);
  });
});
