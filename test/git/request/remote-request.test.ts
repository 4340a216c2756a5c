import { describe, expect, it } from "vitest";
import { parseRemoteRequest } from "../../../host/git/request/remote-request.ts";
import { CodedError } from "../../../wire/errors.ts";

const URL = "git@github.com:owner/repo.git";
const ID = "a".repeat(40);

function parse(...words: readonly string[]) {
  const [subcommand = "", ...rest] = words;
  return parseRemoteRequest([subcommand, URL, ...rest]);
}

function refusal(...words: readonly string[]): string {
  try {
    return `taken: ${JSON.stringify(parse(...words))}`;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

const PUSH = { kind: "push", options: [], source: "main", branch: "ai/x", force: false, lease: undefined };

describe("a push", () => {
  it.each([
    ["main:refs/heads/ai/x", {}],
    ["+main:refs/heads/ai/x", { force: true }],
    [":refs/heads/ai/x", { source: "" }],
    ["+:refs/heads/ai/x", { source: "", force: true }],
    [`${ID}:refs/heads/ai/x`, { source: ID }],
    ["refs/tags/v1:refs/heads/ai/x", { source: "refs/tags/v1" }],
  ])("takes the refspec %j", (refspec, expected) => {
    expect(parse("push", refspec)).toEqual({ ...PUSH, ...expected });
  });

  it.each([
    [["--force"], { force: true }],
    [["-f"], { force: true }],
    [["--force-with-lease"], { lease: { expected: undefined } }],
    [["--force-with-lease=ai/x"], { lease: { expected: undefined } }],
    [["--force-with-lease=refs/heads/ai/x"], { lease: { expected: undefined } }],
    [[`--force-with-lease=ai/x:${ID}`], { lease: { expected: ID } }],
    [["--force-with-lease=ai/x:"], { lease: { expected: "" } }],
    [[`--force-with-lease=ai/x:${"b".repeat(64)}`], { lease: { expected: "b".repeat(64) } }],
    [["-o", "ci.skip"], { options: ["--push-option=ci.skip"] }],
    [["--push-option", "a b"], { options: ["--push-option=a b"] }],
    [["--push-option=x"], { options: ["--push-option=x"] }],
    [["-o", "--force"], { options: ["--push-option=--force"] }],
    [["--dry-run", "--porcelain", "-q", "--no-verify"], { options: ["--dry-run", "--porcelain", "-q", "--no-verify"] }],
  ])("takes the options %j before and behind the refspec", (options, expected) => {
    expect(parse("push", ...options, "main:refs/heads/ai/x")).toEqual({ ...PUSH, ...expected });
    expect(parse("push", "main:refs/heads/ai/x", ...options)).toEqual({ ...PUSH, ...expected });
  });

  it("takes what follows -- or --end-of-options as a refspec, whatever it begins with", () => {
    expect(parse("push", "--", "main:refs/heads/ai/x")).toEqual(PUSH);
    expect(parse("push", "--end-of-options", "-x:refs/heads/ai/x")).toEqual({ ...PUSH, source: "-x" });
    expect(refusal("push", "--", "main:refs/heads/ai/x", "--force")).toBe("git_unsupported");
  });

  it.each([
    [["--upload-pack=touch /x"]],
    [["--receive-pack=touch /x"]],
    [["--receive-pack", "touch /x"]],
    [["--exec=touch /x"]],
    [["--exec", "touch /x"]],
    [["--rec=touch /x"]],
    [["-u"]],
    [["--set-upstream"]],
    [["--mirror"]],
    [["--all"]],
    [["--branches"]],
    [["--tags"]],
    [["--follow-tags"]],
    [["--prune"]],
    [["--delete"]],
    [["-d"]],
    [["--signed"]],
    [["--signed=if-asked"]],
    [["--repo=elsewhere"]],
    [["--recurse-submodules=on-demand"]],
    [["-fu"]],
    [["-oci.skip"]],
    [["--forc"]],
    [["--force-with-leas"]],
    [["--force-with-lease=other"]],
    [[`--force-with-lease=other:${ID}`]],
    [["--force-with-lease=ai/x:HEAD~1"]],
    [["--force-with-lease=ai/x:abc123"]],
    [["-c", "core.sshCommand=x"]],
    [["-"]],
    [[""]],
  ])("refuses %j", (words) => {
    expect(refusal("push", ...words, "main:refs/heads/ai/x")).toBe("git_unsupported");
    expect(refusal("push", "main:refs/heads/ai/x", ...words)).toBe("git_unsupported");
  });

  it("refuses an option without its value", () => {
    expect(refusal("push", "main:refs/heads/ai/x", "-o")).toBe("git_unsupported");
  });

  it.each([
    ["main"],
    [":"],
    ["+:"],
    [""],
    ["main:ai/x"],
    ["main:refs/tags/v1"],
    ["main:refs/heads/"],
    ["main:refs/heads/x:refs/heads/y"],
    ["refs/heads/*:refs/heads/*"],
    ["main:refs/heads/*"],
    ["^refs/heads/x"],
    ["main:+refs/heads/x"],
    ["main:refs/heads/../x"],
    ["main:refs/heads/x.lock"],
    ["main:refs/heads/x y"],
    ["main:refs/heads/x\ny"],
    ["main:refs/heads/x\0y"],
    [`main:refs/heads/${"x".repeat(2_000)}`],
    ["ext::sh -c x"],
    ["main:HEAD"],
    ["tag v1"],
  ])("refuses the refspec %j", (refspec) => {
    expect(refusal("push", refspec)).toBe("git_unsupported");
  });

  it("refuses none and two refspecs", () => {
    expect(refusal("push")).toBe("git_unsupported");
    expect(refusal("push", "a:refs/heads/a", "b:refs/heads/b")).toBe("git_unsupported");
  });
});

describe("a fetch", () => {
  const all = { force: true, source: "refs/heads/*", destination: "refs/remotes/origin/*" };
  const FETCH = { kind: "fetch", options: [], specs: [all], prefix: "refs/remotes/origin/", prune: false };

  it.each([
    [[], {}],
    [["refs/heads/*"], {}],
    [["--prune"], { prune: true }],
    [["-p", "-q"], { prune: true, options: ["-q"] }],
    [["+refs/heads/*:refs/remotes/origin/*"], {}],
    [["refs/heads/*:refs/remotes/origin/*"], { specs: [{ ...all, force: false }] }],
    [["-f", "refs/heads/*:refs/remotes/origin/*"], {}],
    [["--force", "refs/heads/*:refs/remotes/origin/*"], {}],
    [["main"], { specs: [{ force: true, source: "refs/heads/main", destination: "refs/remotes/origin/main" }] }],
    [
      ["refs/heads/main"],
      { specs: [{ force: true, source: "refs/heads/main", destination: "refs/remotes/origin/main" }] },
    ],
    [
      ["main:refs/remotes/up/x", "--", "+b:refs/remotes/up/y"],
      {
        specs: [
          { force: false, source: "refs/heads/main", destination: "refs/remotes/up/x" },
          { force: true, source: "refs/heads/b", destination: "refs/remotes/up/y" },
        ],
        prefix: "refs/remotes/up/",
      },
    ],
    [
      ["refs/pull/1/head:refs/remotes/origin/pr/1"],
      { specs: [{ force: false, source: "refs/pull/1/head", destination: "refs/remotes/origin/pr/1" }] },
    ],
  ])("takes %j", (words, expected) => {
    expect(parse("fetch", ...words)).toEqual({ ...FETCH, ...expected });
  });

  it.each([
    [["--upload-pack=touch /x"]],
    [["--upload-pack", "touch /x"]],
    [["--depth=1"]],
    [["--deepen=1"]],
    [["--shallow-since=yesterday"]],
    [["--unshallow"]],
    [["--filter=blob:none"]],
    [["--tags"]],
    [["-t"]],
    [["--all"]],
    [["--multiple"]],
    [["--stdin"]],
    [["--refmap=x"]],
    [["--recurse-submodules"]],
    [["--server-option=x"]],
    [["--prune-tags"]],
    [["-j4"]],
    [["-u"]],
    [["--update-head-ok"]],
    [["--set-upstream"]],
    [["main:refs/heads/main"]],
    [["main:refs/tags/x"]],
    [["main:main"]],
    [["main:"]],
    [["refs/tags/v1"]],
    [[""]],
    [["^refs/heads/x"]],
    [["refs/heads/*:refs/remotes/origin/x"]],
    [["refs/heads/x:refs/remotes/origin/*"]],
    [["refs/heads/*/*:refs/remotes/origin/*/*"]],
    [["refs/*:refs/*"]],
    [["refs/heads/*:refs/remotes/*"]],
    [["a:refs/remotes/origin/../../heads/x"]],
    [["a:refs/remotes/origin/x:y"]],
    [["a:refs/remotes/one/x", "b:refs/remotes/two/y"]],
  ])("refuses %j", (words) => {
    expect(refusal("fetch", ...words)).toBe("git_unsupported");
  });
});

describe("ls-remote", () => {
  it("takes options that filter and sort, and patterns", () => {
    expect(parse("ls-remote", "--heads", "--sort=-version:refname", "--", "main", "--x")).toEqual({
      kind: "ls-remote",
      options: ["--heads", "--sort=-version:refname"],
      patterns: ["main", "--x"],
    });
  });

  it.each([
    ["--upload-pack=x"],
    ["--exec=x"],
    ["--get-url"],
    ["-o"],
    ["--server-option=x"],
    ["--sort=$(x)"],
    ["--sort"],
  ])("refuses %s", (option) => {
    expect(refusal("ls-remote", option)).toBe("git_unsupported");
  });
});

describe("every other command", () => {
  it.each([["clone"], ["pull"], ["remote"], ["submodule"], ["send-pack"], ["fetch-pack"], ["archive"], [""], ["PUSH"]])(
    "is refused: %j",
    (subcommand) => {
      expect(refusal(subcommand, "x")).toBe("git_unsupported");
    },
  );

  it("is named safely, and shortened", () => {
    expect(() => parse(`\u001b[31m${"x".repeat(500)}`)).toThrow(
      /^git on the host does not take "git \\x1b\[31mx{100,150}… \(/,
    );
  });
});
