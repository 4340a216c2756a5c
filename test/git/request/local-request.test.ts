import { describe, expect, it } from "vitest";
import { parseLocalRequest } from "../../../host/git/request/local-request.ts";
import { CodedError } from "../../../wire/errors.ts";

function refusal(...args: readonly string[]): string {
  try {
    return `taken: ${JSON.stringify(parseLocalRequest(args, "/ws"))}`;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

describe("a command on the work tree", () => {
  it.each([["status"], ["diff"], ["log"], ["show"], ["blame"], ["grep"], ["ls-files"], ["fsck"], ["rev-parse"]])(
    "only reads: %s",
    (subcommand) => {
      expect(parseLocalRequest([subcommand, "-x", "--", "y"], "/ws")).toEqual({
        subcommand,
        args: ["-x", "--", "y"],
        writes: false,
      });
    },
  );

  it.each([
    ["add"],
    ["commit"],
    ["rm"],
    ["mv"],
    ["reset"],
    ["restore"],
    ["checkout"],
    ["switch"],
    ["clean"],
    ["branch"],
    ["tag"],
    ["symbolic-ref"],
  ])("may write: %s", (subcommand) => {
    expect(parseLocalRequest([subcommand], "/ws").writes).toBe(true);
  });

  it.each([
    [["--no-pager", "log"]],
    [["-P", "log"]],
    [["--literal-pathspecs", "--no-optional-locks", "--no-replace-objects", "log"]],
    [["-C", "/ws", "log"]],
    [["-C", ".", "-C", "/ws", "log"]],
  ])("may follow options that change nothing: %j", (args) => {
    expect(parseLocalRequest(args, "/ws")).toMatchObject({ subcommand: "log", args: [] });
  });

  it.each([
    [["-c", "core.fsmonitor=x", "status"]],
    [["-ccore.fsmonitor=x", "status"]],
    [["--config-env=core.fsmonitor=X", "status"]],
    [["--config-env", "core.fsmonitor=X", "status"]],
    [["--git-dir=/elsewhere", "status"]],
    [["--git-dir", "/elsewhere", "status"]],
    [["--work-tree=/elsewhere", "status"]],
    [["--bare", "status"]],
    [["--namespace=x", "status"]],
    [["--exec-path=/x", "status"]],
    [["--exec-path"]],
    [["--html-path"]],
    [["-p", "log"]],
    [["--paginate", "log"]],
    [["--super-prefix=x", "status"]],
    [["--attr-source=x", "status"]],
    [["-C", "/", "status"]],
    [["-C", "/ws/sub", "status"]],
    [["-C", "..", "status"]],
    [["-C"]],
    [["-C/ws", "status"]],
    [["--help"]],
    [["--", "status"]],
  ])("does not follow others: %j", (args) => {
    expect(refusal(...args)).toBe("git_unsupported");
  });

  it.each([
    ["stash"],
    ["merge"],
    ["rebase"],
    ["cherry-pick"],
    ["revert"],
    ["am"],
    ["apply"],
    ["bisect"],
    ["pull"],
    ["clone"],
    ["submodule"],
    ["worktree"],
    ["config"],
    ["gc"],
    ["filter-branch"],
    ["difftool"],
    ["mergetool"],
    ["archive"],
    ["daemon"],
    ["update-ref"],
    ["fast-import"],
    ["hook"],
    ["an-alias"],
    ["../../evil"],
    ["Status"],
    [""],
  ])("is not %j", (subcommand) => {
    expect(refusal(subcommand)).toBe("git_unsupported");
  });

  it("is not nothing", () => {
    expect(refusal()).toBe("git_unsupported");
  });
});
