import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { gitSubcommand, programName, pushOf, type Push } from "../../host/project/push.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const U = "git@github.com:owner/repo.git";

function words(line: string): readonly string[] {
  return line === "" ? [] : line.split(" ").map((word) => (word === "URL" ? U : word));
}

function pushes(line: string): Push {
  return pushOf("git", words(line));
}

const KNOWN: readonly (readonly [string, readonly string[]])[] = [
  ["push URL main:refs/heads/main", ["main"]],
  ["push URL a:refs/heads/b", ["b"]],
  ["push URL +a:refs/heads/b", ["b"]],
  ["push URL HEAD:refs/heads/b", ["b"]],
  ["push URL @:refs/heads/b", ["b"]],
  ["push URL :refs/heads/b", ["b"]],
  ["push URL +:refs/heads/b", ["b"]],
  ["push URL 1234567:refs/heads/b", ["b"]],
  ["push URL refs/tags/v1:refs/heads/b", ["b"]],
  ["push URL a:b:refs/heads/c", ["c"]],
  ["push URL a:refs/heads/refs/heads/b", ["refs/heads/b"]],
  ["push URL a:refs/heads/b c:refs/heads/d", ["b", "d"]],
  ["push URL --no-verify a:refs/heads/b", ["b"]],
  ["push --no-verify URL a:refs/heads/b", ["b"]],
  ["push URL a:refs/heads/b --force", ["b"]],
  ["push -u URL a:refs/heads/b", ["b"]],
  ["push -f -n -v -q URL a:refs/heads/b", ["b"]],
  ["push --force-with-lease=main:abc URL a:refs/heads/b", ["b"]],
  ["push -o x URL a:refs/heads/b", ["b"]],
  ["push -ox URL a:refs/heads/b", ["b"]],
  ["push --push-option x URL a:refs/heads/b", ["b"]],
  ["push --push-option=x URL a:refs/heads/b", ["b"]],
  ["push --receive-pack x URL a:refs/heads/b", ["b"]],
  ["push --exec x URL a:refs/heads/b", ["b"]],
  ["push -- URL a:refs/heads/b", ["b"]],
  ["push URL -- a:refs/heads/b", ["b"]],
  ["push --end-of-options URL a:refs/heads/b", ["b"]],
  ["push --recurse-submodules=no URL a:refs/heads/b", ["b"]],
  ["push --recurse-submodules=check URL a:refs/heads/b", ["b"]],
  ["push --porcelain --progress --atomic --signed=no --thin URL a:refs/heads/b", ["b"]],
  ["-C dir push URL a:refs/heads/b", ["b"]],
  ["-c k=v push URL a:refs/heads/b", ["b"]],
  ["-c k=v -C push push URL a:refs/heads/b", ["b"]],
  ["--git-dir x --work-tree y --namespace z push URL a:refs/heads/b", ["b"]],
  ["--git-dir=x --no-pager -P --bare push URL a:refs/heads/b", ["b"]],
  ["--config-env a=B --super-prefix p/ --attr-source t push URL a:refs/heads/b", ["b"]],
  ["--shallow-file status push URL a:refs/heads/b", ["b"]],
];

const UNCLEAR: readonly (readonly [string, RegExp])[] = [
  ["push", /no refspec/],
  ["push URL", /no refspec/],
  ["push --force", /no refspec/],
  ["push -- URL", /no refspec/],
  ["push -o URL a:refs/heads/b", /no refspec/],
  ["push URL main", /does not end in :refs\/heads\/BRANCH/],
  ["push URL refs/heads/main", /does not end in/],
  ["push URL heads/main", /does not end in/],
  ["push URL v1.0", /does not end in/],
  ["push URL HEAD", /does not end in/],
  ["push URL @", /does not end in/],
  ["push URL +main", /does not end in/],
  ["push URL a:b", /does not end in/],
  ["push URL a:", /does not end in/],
  ["push URL :", /does not end in/],
  ["push URL +:", /does not end in/],
  ["push URL :main", /does not end in/],
  ["push URL a:heads/b", /does not end in/],
  ["push URL a:tags/b", /does not end in/],
  ["push URL a:refs/tags/v1", /does not end in/],
  ["push URL a:refs/remotes/origin/b", /does not end in/],
  ["push URL a:refs/pull/1/head", /does not end in/],
  ["push URL a:Refs/heads/b", /does not end in/],
  ["push URL a:HEAD", /does not end in/],
  ["push URL refs/heads/a:refs/heads/b:c", /does not end in/],
  ["push URL a:refs/heads/b main", /"main" does not end in/],
  ["push URL tag v1", /tag/],
  ["push URL a:refs/heads/b tag v1", /tag/],
  ["push URL refs/heads/*:refs/heads/*", /star/],
  ["push URL +refs/heads/*:refs/heads/ai/*", /star/],
  ["push URL *", /star/],
  ["push URL ^refs/heads/x", /negative/],
  ["push URL ^a:refs/heads/b", /negative/],
  ["push URL --delete main", /does not end in/],
  ["push URL -d main", /does not end in/],
  ["push --all URL", /"--all" pushes more/],
  ["push --al URL a:refs/heads/b", /"--al" pushes more/],
  ["push --a URL a:refs/heads/b", /"--a" pushes more/],
  ["push --branches URL a:refs/heads/b", /pushes more/],
  ["push URL a:refs/heads/b --mirror", /pushes more/],
  ["push --mir URL a:refs/heads/b", /pushes more/],
  ["push --m URL a:refs/heads/b", /pushes more/],
  ["push --tags URL a:refs/heads/b", /pushes more/],
  ["push --tag URL a:refs/heads/b", /pushes more/],
  ["push --follow-tags URL a:refs/heads/b", /pushes more/],
  ["push --prune URL a:refs/heads/b", /pushes more/],
  ["push --repo=x a:refs/heads/b", /pushes more/],
  ["push --repo x URL a:refs/heads/b", /pushes more/],
  ["push --rep=x URL a:refs/heads/b", /pushes more/],
  ["push --recurse-submodules=on-demand URL a:refs/heads/b", /pushes more/],
  ["push --recurse-submodules=only URL a:refs/heads/b", /pushes more/],
  ["push --recurse-submodules no URL a:refs/heads/b", /pushes more/],
  ["push --rec=only URL a:refs/heads/b", /pushes more/],
  ["push --push-opt a:refs/heads/ai URL b:refs/heads/c", /may take the next word/],
  ["push --exe x URL b:refs/heads/c", /may take the next word/],
  ["push --rece x URL b:refs/heads/c", /may take the next word/],
  ["push -fo x URL b:refs/heads/c", /may take the next word/],
  ["-C dir push --mirror URL", /pushes more/],
  ["subtree push --prefix=x URL main", /its own way/],
  ["subtree --prefix=x push URL main", /its own way/],
  ["subtree -P x push URL main", /its own way/],
  ["subtree --prefix x push URL main", /its own way/],
  ["lfs push URL main", /its own way/],
  ["lfs push --all URL", /its own way/],
  ["svn dcommit", /its own way/],
  ["svn -q dcommit", /its own way/],
  ["p4 submit", /its own way/],
  ["send-pack URL main", /its own way/],
  ["http-push URL main", /its own way/],
];

const NONE = [
  "",
  "status",
  "fetch URL +refs/heads/*:refs/remotes/origin/*",
  "stash push",
  "stash push -m x",
  "remote set-url --push origin URL",
  "log push",
  "-C push status",
  "-c push=push status",
  "--git-dir push log",
  "subtree add --prefix=x URL main",
  "subtree",
  "lfs pull",
  "svn rebase",
  "Push URL a:refs/heads/b",
  "pus URL a:refs/heads/b",
  "constructor",
  "toString push",
];

describe("what a git command line pushes", () => {
  it.each(KNOWN)("%j goes to the branches %j", (line, branches) => {
    expect(pushes(line)).toEqual({ kind: "branches", branches });
  });

  it.each(UNCLEAR)("%j cannot be told", (line, why) => {
    const push = pushes(line);
    expect(push.kind).toBe("unclear");
    expect(push.kind === "unclear" ? push.why : "").toMatch(why);
  });

  it.each(NONE.map((line) => [line]))("%j is no push", (line) => {
    expect(pushes(line)).toEqual({ kind: "none" });
  });

  it("is seen also of programs that are a subcommand themselves", () => {
    expect(pushOf("/usr/lib/git-core/git-push", [U, "a:refs/heads/b"])).toEqual({ kind: "branches", branches: ["b"] });
    expect(pushOf("git-send-pack", [U, "a:refs/heads/b"]).kind).toBe("unclear");
    expect(pushOf("git-lfs", ["push", "origin"]).kind).toBe("unclear");
    expect(pushOf("git-lfs", ["ls-files"]).kind).toBe("none");
  });

  it("is the same for every way to name git, and nothing for other programs", () => {
    for (const command of ["git", "/usr/bin/git", "git.exe", "C/git.EXE"]) {
      expect(pushOf(command, ["push", U, "a:refs/heads/b"]).kind).toBe("branches");
    }
    for (const command of ["gh", "gitk", "/git/sh", ""]) {
      expect(pushOf(command, ["push", U, "a:refs/heads/b"]).kind).toBe("none");
    }
  });

  it("is told without control characters and at a bounded length", () => {
    for (const word of [`a:\u001b[2J${"x".repeat(5_000)}`, `--all=\u001b[2J${"x".repeat(5_000)}`]) {
      const push = pushOf("git", ["push", U, word]);
      const why = push.kind === "unclear" ? push.why : "";
      expect(why).toContain("\\x1b");
      expect(why).not.toContain("\u001b");
      expect(why.length).toBeLessThan(300);
    }
  });
});

describe("the name of a program", () => {
  it.each([
    ["git", "git"],
    ["/usr/local/bin/git", "git"],
    ["git.exe", "git"],
    ["git.EXE", "git"],
    ["a/b/git.exe", "git"],
    ["", ""],
    ["git.exe.exe", "git.exe"],
  ])("of %j is %j", (command, name) => {
    expect(programName(command)).toBe(name);
  });
});

describe("git's subcommand", () => {
  it.each([
    ["", []],
    ["--version", []],
    ["-C", []],
    ["status -s", ["status", "-s"]],
    ["-C a -c b=c --no-pager log -1", ["log", "-1"]],
    ["-ca=b log", ["log"]],
  ] as const)("of %j begins %j", (line, rest) => {
    expect(gitSubcommand(words(line))).toEqual(rest);
  });
});

/** Real git is asked what each form really does, in a workspace that somebody prepared to mislead us. */
describe("git itself", () => {
  let root: string;
  let workspace: string;
  let pristine: string;
  let rounds = 0;

  beforeAll(() => {
    root = tempDirectory();
    workspace = makeRepo(join(root, "workspace"));
    pristine = join(root, "pristine.git");
    git(root, "init", "-q", "--bare", pristine);
    git(workspace, "push", "-q", pristine, "main:refs/heads/main", "main:refs/heads/other");
    git(workspace, "commit", "-q", "--allow-empty", "-m", "second");
    git(workspace, "branch", "a");
    git(workspace, "branch", "b");
    git(workspace, "tag", "v1");
    git(workspace, "tag", "v1.0");
    git(workspace, "symbolic-ref", "refs/heads/ai", "refs/heads/main");
    git(workspace, "config", "push.default", "matching");
    git(workspace, "config", "alias.pus", "status");
  });

  function refs(remote: string): ReadonlyMap<string, string> {
    const lines = git(remote, "for-each-ref", "--format=%(refname) %(objectname)").trim().split("\n");
    return new Map(lines.map((line): [string, string] => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""]));
  }

  /** The refs of a fresh copy of the remote that the command line changes; none when git refuses it. */
  function changed(line: string): readonly string[] {
    const remote = join(root, `${rounds++}.git`);
    mkdirSync(remote);
    cpSync(pristine, remote, { recursive: true });
    const before = refs(remote);
    try {
      git(workspace, ...words(line).map((word) => (word === U ? remote : word)));
    } catch {
      // refused, or failed in the middle: what counts is what changed
    }
    const after = refs(remote);
    const names = new Set([...before.keys(), ...after.keys()]);
    return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
  }

  it("shows why a destination must be written out: a symbolic ref leads elsewhere, a tag becomes a tag", () => {
    expect(changed("push URL ai")).toEqual(["refs/heads/main"]);
    expect(changed("push URL v1:x")).toEqual(["refs/tags/x"]);
    expect(pushes("push URL ai").kind).toBe("unclear");
    expect(pushes("push URL v1:x").kind).toBe("unclear");
  });

  it("changes nothing but the branches that were told", () => {
    for (const [line, branches] of KNOWN) {
      const told = branches.map((branch) => `refs/heads/${branch}`);
      expect(told, line).toEqual(expect.arrayContaining([...changed(line)]));
    }
    expect(changed("push URL a:refs/heads/b c:refs/heads/d")).toEqual([]);
    expect(changed("push URL main:refs/heads/main")).toEqual(["refs/heads/main"]);
    expect(changed("push URL :refs/heads/other")).toEqual(["refs/heads/other"]);
  });

  it("changes nothing where no push was told", () => {
    for (const line of NONE.filter((one) => !/^(stash|remote)/.test(one))) expect(changed(line), line).toEqual([]);
  });
});
