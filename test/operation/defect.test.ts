import { expect, it } from "vitest";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { compileProject } from "../../host/project/compile.ts";
import { defaultProject } from "../fixtures/base.ts";

it("a template that cannot be matched is said to be so in any order of its options", () => {
  const op = {
    command: "tool",
    args_template: ["do", "--flag", "{a}", "{all}"],
    params: { a: { type: "string" }, all: { type: "array", items: { type: "string" } } },
  };
  const config = defaultProject("/r", { allowed_operations: ["op"], operations: { op } });
  const { project } = compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "f");
  const injected = { repo: "owner/repo", repo_path: "/r", expected_git_url: "git@github.com:owner/repo.git" };
  expect(() => reverseMatch(project, injected, ["tool", "do", "x", "--flag", "y"])).toThrow(
    /operation op: unsupported reverse-match type/,
  );
});
