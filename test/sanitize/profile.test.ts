import { describe, expect, it } from "vitest";
import { checkGitUrl, profileFor } from "../../host/sanitize/profile.ts";
import { PROFILES } from "../../wire/names.ts";
import { refusal, URL } from "../operation/policy.ts";

const words = (line: string): readonly string[] => (line === "" ? [] : line.split(" "));

describe("the profile of a program", () => {
  it.each([
    ["git", "push URL", "git_remote_strict"],
    ["/usr/bin/git", "fetch URL", "git_remote_strict"],
    ["git.exe", "clone URL", "git_remote_strict"],
    ["git.EXE", "pull URL", "git_remote_strict"],
    ["git", "ls-remote", "git_remote_strict"],
    ["git", "send-pack", "git_remote_strict"],
    ["git", "-C . push origin", "git_remote_strict"],
    ["git", "-c a=b --no-pager fetch", "git_remote_strict"],
    ["git", "--git-dir push status", "git"],
    ["git", "remote update", "git"],
    ["git", "status", "git"],
    ["git", "stash push", "git"],
    ["git", "", "git"],
    ["git", "Push", "git"],
    ["gh", "pr list", "gh"],
    ["/opt/bin/gh", "", "gh"],
    ["aws", "s3 ls", "aws"],
    ["/x/aws", "", "aws"],
    ["echo", "push", "minimal"],
    ["", "", "minimal"],
    ["awscli", "", "minimal"],
    ["gh-evil", "", "minimal"],
    ["GIT", "push", "minimal"],
  ])("of %j %j is %s", (command, line, profile) => {
    expect(profileFor(command, words(line), undefined)).toBe(profile);
  });

  it.each(PROFILES.map((profile) => [profile]))(
    "of git and gh protects the host, also when the operation names %s",
    (named) => {
      expect(profileFor("git", ["push"], named)).toBe("git_remote_strict");
      expect(profileFor("git", ["status"], named)).toBe(named === "git_remote_strict" ? named : "git");
      expect(profileFor("gh", [], named)).toBe("gh");
    },
  );

  it.each(PROFILES.map((profile) => [profile]))("of other programs is %s when the operation names it", (named) => {
    expect(profileFor("tool", ["push"], named)).toBe(named);
    expect(profileFor("aws", [], named)).toBe(named);
  });
});

describe("a remote git operation", () => {
  const check = (line: string, profile = "git_remote_strict" as const): void => {
    checkGitUrl(
      profile,
      line.split(" ").map((word) => (word === "URL" ? URL : word)),
      URL,
    );
  };

  it.each([["push URL"], ["push URL --no-verify a:refs/heads/b"], ["fetch URL +refs/heads/*:refs/remotes/origin/*"]])(
    "may be %j",
    (line) => {
      expect(() => {
        check(line);
      }).not.toThrow();
    },
  );

  it.each([
    ["push"],
    ["push origin main"],
    ["push --no-verify URL a:b"],
    ["push -o URL a:b"],
    ["push --repo=URL"],
    ["-C . push URL"],
    ["push git@github.com:owner/other.git URL"],
    ["push https://github.com/owner/repo"],
    ["push git@github.com:owner/repo"],
    ["push git@github.com:Owner/repo.git"],
    [""],
  ])("is not run as %j: the project's URL must follow the subcommand", (line) => {
    const error = refusal(() => {
      check(line);
    });
    expect(error.code).toBe("git_url_contract");
    expect(error.message).toContain("expected_git_url");
  });

  it("is the only one that must name the URL", () => {
    for (const profile of PROFILES.filter((one) => one !== "git_remote_strict")) {
      expect(() => {
        checkGitUrl(profile, ["status"], URL);
      }).not.toThrow();
    }
  });
});
