import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startGitHub, type FakeGitHub } from "../fixtures/backends/github.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { runProgram, type Ended } from "../fixtures/backends/program.ts";

/** Runs the real gh with arguments that have no spaces. */
async function gh(github: FakeGitHub, line: string): Promise<Ended> {
  return runProgram(toolPath("gh"), line.split(" "), github.env, github.home);
}

describe.runIf(requireTools(["gh"]))("the real gh", () => {
  it("lists the pull requests that match every filter", async () => {
    const github = await startGitHub();
    const repository = github.repository("owner/repo");
    repository.addPull({ title: "Wanted", labels: ["bug"], head: "fix" });
    repository.addPull({ title: "No label", head: "fix" });
    repository.addPull({ title: "Closed", labels: ["bug"], head: "fix", state: "CLOSED" });
    const all = await gh(github, "pr list -R owner/repo --json=title");
    expect(JSON.parse(all.stdout)).toEqual([{ title: "Wanted" }, { title: "No label" }]);
    const some = await gh(github, "pr list -R owner/repo --label=bug --head=fix --author=@me --json=title,state");
    expect(JSON.parse(some.stdout)).toEqual([{ state: "OPEN", title: "Wanted" }]);
    expect((await gh(github, "pr list -R owner/repo --limit=1")).stdout).toMatch(/^1\tWanted\tfix\tOPEN\t/);
    expect(github.writes()).toEqual([]);
  });

  it("opens a pull request with everything that was said about it", async () => {
    const github = await startGitHub();
    const ended = await gh(
      github,
      "pr create -R owner/repo --body Text --title=Title --head=ai/x --base=main --draft --label=bug --assignee=ann --reviewer=bob",
    );
    expect(ended).toMatchObject({ code: 0, stdout: "https://github.com/owner/repo/pull/1\n" });
    expect(github.repository("owner/repo").pulls).toMatchObject([
      {
        number: 1,
        title: "Title",
        body: "Text",
        head: "ai/x",
        base: "main",
        draft: true,
        labels: new Set(["bug"]),
        assignees: new Set(["ann"]),
        reviewers: new Set(["bob"]),
      },
    ]);
    expect(github.writes().length).toBeGreaterThan(0);
  });

  it("changes text, title, labels and assignees of a pull request", async () => {
    const github = await startGitHub();
    const pull = github.repository("owner/repo").addPull({ labels: ["bug"] });
    const ended = await gh(
      github,
      "pr edit 1 -R owner/repo --body New --title=Newer --remove-label=bug --add-assignee=ann",
    );
    expect(ended.code).toBe(0);
    expect(pull).toMatchObject({ title: "Newer", body: "New", labels: new Set(), assignees: new Set(["ann"]) });
  });

  it("comments, and shows the comments of a pull request and of an issue", async () => {
    const github = await startGitHub();
    const pull = github.repository("owner/repo").addPull();
    const issue = github.repository("owner/repo").addIssue();
    expect((await gh(github, "pr comment 1 -R owner/repo --body Hello")).code).toBe(0);
    expect(pull.comments).toMatchObject([{ author: "octo", body: "Hello" }]);
    expect((await gh(github, "pr view 1 -R owner/repo --comments")).stdout).toContain("Hello");
    issue.comments.push({ id: 5, author: "ann", body: "Welcome" });
    expect((await gh(github, "issue view 2 -R owner/repo --comments")).stdout).toContain("Welcome");
    const { stdout } = await gh(github, "issue view 2 -R owner/repo --json=title,comments");
    expect(JSON.parse(stdout)).toMatchObject({ title: "Title 2", comments: [{ body: "Welcome" }] });
  });

  it("follows the pages of the review comments, and answers one of them", async () => {
    const github = await startGitHub();
    const repository = github.repository("owner/repo");
    const pull = repository.addPull();
    for (let number = 1; number <= 40; number += 1)
      repository.addReviewComment(pull, `remark ${number}`, { id: number });
    const one = await gh(github, "api repos/owner/repo/pulls/1/comments --jq=length");
    expect(one.stdout).toBe("30\n");
    const all = await gh(github, "api repos/owner/repo/pulls/1/comments --paginate --jq=.[].id");
    expect(all.stdout.trim().split("\n")).toHaveLength(40);
    const reply = "api -X POST repos/owner/repo/pulls/1/comments/7/replies -f body=Done";
    expect(JSON.parse((await gh(github, reply)).stdout)).toMatchObject({ body: "Done", in_reply_to_id: 7 });
    expect(pull.reviewComments.at(-1)).toMatchObject({ body: "Done", replyTo: 7 });
    expect(github.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /repos/owner/repo/pulls/1/comments/7/replies",
    ]);
  });

  it("opens and lists issues", async () => {
    const github = await startGitHub();
    expect((await gh(github, "issue create -R owner/repo --body Text --title=Title --label=bug")).code).toBe(0);
    github.repository("owner/repo").addIssue({ title: "Other" });
    const { stdout } = await gh(github, "issue list -R owner/repo --label=bug --json=title,labels");
    expect(JSON.parse(stdout)).toMatchObject([{ title: "Title", labels: [{ name: "bug" }] }]);
  });

  it("shows a workflow run, and its log", async () => {
    const github = await startGitHub();
    const run = github.repository("owner/repo").addRun({ log: "made it\n" });
    const shown = await gh(github, `run view ${run.id} -R owner/repo --json=status,jobs`);
    expect(JSON.parse(shown.stdout)).toMatchObject({ status: "completed", jobs: [{ databaseId: run.jobId }] });
    expect((await gh(github, `run view ${run.id} -R owner/repo --log`)).stdout).toBe("build\tmake\tmade it\n");
  });

  it("gets the error of the real service for what is not there", async () => {
    const github = await startGitHub();
    expect(await gh(github, "pr view 99 -R owner/repo")).toMatchObject({ code: 1, stdout: "" });
    expect((await gh(github, "pr list -R owner/other")).stderr).toContain("Could not resolve to a repository");
    expect((await gh(github, "api repos/owner/repo/pulls/9/comments")).stderr).toContain("HTTP 404");
  });

  it("sends the token of its configuration, and is refused with another one", async () => {
    const github = await startGitHub();
    expect((await gh(github, "auth status")).code).toBe(0);
    expect(github.requests.every(({ headers }) => headers.get("authorization") === `token ${github.token}`)).toBe(true);
    writeFileSync(
      join(github.home, ".config/gh/hosts.yml"),
      "github.com:\n    oauth_token: gho_other\n    user: octo\n",
    );
    const refused = await gh(github, "api user");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("Bad credentials");
  });
});
