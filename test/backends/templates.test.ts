import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startAws } from "../fixtures/backends/aws.ts";
import { startGitHub, type FakeGitHub } from "../fixtures/backends/github.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { runProgram } from "../fixtures/backends/program.ts";
import { projectRoot } from "../fixtures/temp.ts";

interface Case {
  readonly name: string;
  readonly argv?: readonly string[];
}

/** The cases of a template that lead to a call of a program, by the beginning of their names. */
function casesOf(template: string, prefix: string): readonly { name: string; argv: readonly string[] }[] {
  const text = readFileSync(join(projectRoot, `templates/${template}.cases.json`), "utf8");
  const { cases } = JSON.parse(text) as { readonly cases: readonly Case[] };
  return cases.flatMap(({ name, argv }) => (argv !== undefined && name.startsWith(prefix) ? [{ name, argv }] : []));
}

/** Values of the options whose names match, as the cases write them: `--label=bug`. */
function valuesOf(argv: readonly string[], option: RegExp): readonly string[] {
  return argv.flatMap((word) => {
    const [name = "", ...value] = word.split("=");
    return option.test(name) ? [value.join("=")] : [];
  });
}

/** What the cases name: pull requests 1 and 42, review comments 7 and 42, run 42 with job 7, as an issue 42, labels and people. */
async function populated(operation: string, argv: readonly string[] = []): Promise<FakeGitHub> {
  const github = await startGitHub();
  const repository = github.repository("OWNER/REPO");
  repository.labels.push(...valuesOf(argv, /^--(?:add-|remove-)?label$/));
  repository.people.push(...valuesOf(argv, /^--(?:add-|remove-)?assignee$/));
  repository.addReviewComment(repository.addPull({ number: 1 }), "first", { id: 42 });
  if (operation.startsWith("gh_issue")) repository.addIssue({ number: 42 });
  else repository.addReviewComment(repository.addPull({ number: 42 }), "second", { id: 7 });
  repository.addRun({ id: 42, jobId: 7 });
  return github;
}

/** What gh 2.23 refuses by itself, before it asks anybody. */
const REFUSED_BY_GH: readonly RegExp[] = [
  /^unknown flag: --json/, // of pr checks, which newer ones know
  /^Unknown JSON field: "title"/, // of a run
  /^must provide `--title` and `--body`/,
  /^flags required when not running interactively/, // of pr comment without a text
];

describe.runIf(requireTools(["gh"]))("the real gh, with the arguments of a template", () => {
  it.each(casesOf("git_github_write", "gh_"))("$name", async ({ name, argv }) => {
    const github = await populated(name, argv);
    const ended = await runProgram(toolPath("gh"), argv, github.env, github.home);
    const refused = REFUSED_BY_GH.some((reason) => reason.test(ended.stderr));
    if (refused) expect(github.requests).toEqual([]);
    else expect(ended).toMatchObject({ code: 0, stderr: "" });
    const changes = !refused && /_(?:create|edit|comment|reply):/.test(name);
    expect(github.writes().length > 0).toBe(changes);
  });

  it("takes a text from standard input where the template lets it", async () => {
    for (const [name, argv] of [
      ["gh_pr_comment", ["pr", "comment", "42", "-R", "OWNER/REPO", "--body-file=-"]],
      ["gh_issue_create", ["issue", "create", "-R", "OWNER/REPO", "--title=T", "--body-file=-"]],
    ] as const) {
      const github = await populated(name);
      const text = "several\nlines, and `code`\n";
      expect(await runProgram(toolPath("gh"), argv, github.env, github.home, text)).toMatchObject({ code: 0 });
      const sent = github.writes().map(({ body }) => body);
      expect(sent.join("")).toContain(JSON.stringify(text).slice(1, -1));
    }
  });

  it("sends a text that begins with @ as it is", async () => {
    const github = await populated("gh_pr_review_comment_reply");
    const argv = ["api", "-X", "POST", "repos/OWNER/REPO/pulls/42/comments/7/replies", "-f", "body=@/etc/passwd"];
    expect((await runProgram(toolPath("gh"), argv, github.env, github.home)).code).toBe(0);
    expect(github.requests.map(({ body }) => body)).toEqual(['{"body":"@/etc/passwd"}']);
  });
});

describe.runIf(requireTools(["aws"]))("the real aws, with the arguments of a template", () => {
  it.each(casesOf("aws_selected", "aws_"))("$name", async ({ argv }) => {
    const aws = await startAws();
    aws.buckets.set("my-bucket", new Map([["logs/2026/a.txt", "text"]]));
    expect(await runProgram("aws", argv, aws.env, aws.home)).toMatchObject({ code: 0, stderr: "" });
    expect(aws.requests).toHaveLength(1);
  });
});
