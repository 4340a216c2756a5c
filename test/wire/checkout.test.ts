import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkoutAt, mountOf, originIn, workingDirectory } from "../../wire/checkout.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const URL = "git@github.com:owner/repo.git";

describe("where somebody stands", () => {
  it("is nowhere once the directory was removed", () => {
    const [before, gone] = [process.cwd(), join(tempDirectory(), "gone")];
    mkdirSync(gone);
    process.chdir(gone);
    try {
      rmdirSync(gone);
      expect(workingDirectory()).toBe("/");
    } finally {
      process.chdir(before);
    }
    expect(workingDirectory()).toBe(before);
  });

  it("is the checkout above, with its origin", () => {
    const repo = makeRepo(join(tempDirectory(), "repo"), URL);
    mkdirSync(join(repo, "a/b"), { recursive: true });
    expect(checkoutAt(join(repo, "a/b"))).toMatchObject({ toplevel: repo, originUrl: URL });
  });

  it("is nothing outside of a checkout, or without an origin", () => {
    const directory = tempDirectory();
    expect(checkoutAt(directory)).toBeUndefined();
    git(directory, "init", "-q");
    expect(checkoutAt(directory)).toBeUndefined();
  });

  it("is of a linked worktree, and of a submodule, what git says that it is", () => {
    const repo = makeRepo(join(tempDirectory(), "repo"), URL);
    const other = join(tempDirectory(), "other");
    git(repo, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x");
    git(repo, "worktree", "add", "-q", other);
    expect(checkoutAt(other)).toMatchObject({ toplevel: other, originUrl: URL });
    const inner = join(repo, "vendor/lib");
    mkdirSync(join(repo, ".git/modules/lib"), { recursive: true });
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, ".git"), "gitdir: ../../.git/modules/lib\n");
    writeFileSync(join(repo, ".git/modules/lib/config"), `[remote "origin"]\n\turl = https://github.com/o/lib\n`);
    expect(checkoutAt(inner)).toMatchObject({ toplevel: inner, originUrl: "https://github.com/o/lib" });
  });

  it.each([
    ['[remote "origin"]\n\turl = a # why\n', "a"],
    ['[remote "other"]\n\turl = b\n[REMOTE "origin"]\n\tURL = "a;b" ; c\n', "a;b"],
    ['[remote "origin"] url = a\n', "a"],
    ['[remote "origin"]\n\turl = a\\\nb\n', "ab"],
    ['[remote "origin"]\n\turl = "a\\"b"\n', 'a"b'],
    ['[remote "Origin"]\n\turl = a\n[remote "origin2"]\n\turl = b\n', ""],
    ['[remote "origin"]\n\tpushurl = a\n', ""],
  ])("has the origin of %j", (config, origin) => {
    expect(originIn(config)).toBe(origin);
    const directory = tempDirectory();
    git(directory, "init", "-q");
    writeFileSync(join(directory, ".git/config"), config);
    // git says the same, and fails where there is none.
    if (origin !== "") expect(git(directory, "config", "remote.origin.url").trim()).toBe(origin);
  });

  it("is in the nearest mount above", () => {
    const info = [
      "22 1 0:20 / / rw - overlay o rw",
      "30 22 0:21 /home/me/src /workspaces/my\\040app rw - ext4 d rw",
      "31 22 0:22 / /work rw - ext4 d rw",
    ].join("\n");
    expect(mountOf("/workspaces/my app/lib", info)).toBe("/workspaces/my app");
    expect(mountOf("/workspaces/my application", info)).toBeUndefined();
    expect(mountOf("/work", info)).toBe("/work");
    expect(mountOf("/tmp/clone", info)).toBeUndefined();
  });
});
