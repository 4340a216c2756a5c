import { describe, expect, it } from "vitest";
import { parseOrigin, repoOfHint } from "../../host/target/origin.ts";

describe("an origin, for the check of the workspace", () => {
  it.each([
    ["git@github.com:owner/repo.git", "github.com", "owner/repo"],
    ["git@github.com:owner/repo", "github.com", "owner/repo"],
    ["  git@github.com:owner/repo.git\n", "github.com", "owner/repo"],
    ["https://github.com/owner/repo.git", "github.com", "owner/repo"],
    ["https://github.com/owner/repo", "github.com", "owner/repo"],
    ["https://github.com/owner/repo/", "github.com", "owner/repo"],
    ["http://git.example.com/owner/repo.git/", "git.example.com", "owner/repo"],
    ["git@h-1.example:o/r.x", "h-1.example", "o/r.x"],
    ["git@h:o/repo.git.git", "h", "o/repo.git"],
    ["git@GitHub.com:Owner/Repo.git", "GitHub.com", "Owner/Repo"],
  ])("%j is of %s and names %s", (url, host, repo) => {
    expect(parseOrigin(url)).toEqual({ host, repo });
  });

  it.each([
    [""],
    ["ssh://git@github.com/owner/repo.git"],
    ["https://tok@github.com/owner/repo"],
    ["https://user:pw@github.com/owner/repo"],
    ["https://github.com:443/owner/repo"],
    ["git@github.com:22/owner/repo"],
    ["me@github.com:owner/repo"],
    ["github.com:owner/repo"],
    ["git@github.com:/owner/repo"],
    ["git@github.com:a/b/c"],
    ["https://github.com/a/b/c"],
    ["https://github.com/a"],
    ["https://github.com//a/b"],
    ["git@github.com:owner/"],
    ["git@github.com:/repo"],
    ["git@git_hub.com:owner/repo"],
    ["git@git hub.com:owner/repo"],
    ["git@:owner/repo"],
    ["HTTPS://github.com/owner/repo"],
    ["file:///local/path.git"],
    ["/local/path.git"],
    ["../repo"],
    ["ext::sh -c touch% x"],
    ["-u:owner/repo"],
    [`git@github.com:owner/${"x".repeat(5_000)}`],
  ])("%j is another dialect", (url) => {
    expect(parseOrigin(url)).toBeUndefined();
  });

  it("is taken apart in linear time", () => {
    const started = performance.now();
    for (const text of [
      `git@h:o/${".git".repeat(1_000)}x/`,
      `https://h/o/${".git/".repeat(800)}`,
      " ".repeat(1_000_000),
    ]) {
      expect(parseOrigin(text)).toBeUndefined();
      repoOfHint(text);
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("an origin, as a hint", () => {
  it.each([
    ["git@h:o/r", "o/r"],
    ["git@h:o/r.git", "o/r"],
    ["https://h/o/r", "o/r"],
    ["https://h/o/r.git", "o/r"],
    ["https://h/o/r/", "o/r"],
    ["https://user:pw@h/o/r", "o/r"],
    ["https://x-access-token:T@github.com/o/r.git", "o/r"],
    ["ssh://git@h/o/r", "o/r"],
    ["ssh://git@h:22/o/r", "o/r"],
    ["git@h:/o/r/", "o/r"],
    ["me@h:o/r", "o/r"],
    [" git@h:o/r.git\n", "o/r"],
    ["git@h:o/r.git.git", "o/r.git"],
  ])("%j names %s", (url, repo) => {
    expect(repoOfHint(url)).toBe(repo);
  });

  it.each([
    [""],
    ["h:o/r"],
    ["host:o/r"],
    ["o/r"],
    ["/o/r"],
    ["git@h"],
    ["git@h:r"],
    ["git@h:o/r/x"],
    ["git@h:o//r"],
    ["git@h:"],
    ["https://h"],
    ["https://h/"],
    ["https://h/o"],
    ["https://h/o/r/x"],
    ["https://user@h"],
    ["a:b@c"],
  ])("%j names none", (url) => {
    expect(repoOfHint(url)).toBeUndefined();
  });
});
