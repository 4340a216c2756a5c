import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ProjectConfig } from "../../wire/schema.ts";
import { startAws } from "../fixtures/backends/aws.ts";
import { startGitHub } from "../fixtures/backends/github.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { startSshd } from "../fixtures/backends/sshd.ts";
import { Base, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

/** A base directory whose project is a template, for owner/repo in a real repository. */
function baseFrom(template: string): { readonly base: Base; readonly repo: string } {
  const base = new Base();
  const repo = makeRepo(join(tempDirectory(), "repo"));
  const config = JSON.parse(readFileSync(join(projectRoot, `templates/${template}.json`), "utf8")) as ProjectConfig;
  base.writeProject("owner_repo", { ...config, repos: ["owner/repo"], repo_paths: [repo] });
  base.writeToken(TOKEN, { repo: "owner/repo" });
  return { base, repo };
}

describe("a daemon with a shipped template", () => {
  it.runIf(requireTools(["git", "ssh", "ssh-keygen", "sshd"]))("pushes and fetches over ssh", async () => {
    const server = await startSshd();
    server.repository("owner/repo");
    const { base, repo } = baseFrom("git_github_write");
    git(repo, "branch", "ai/fix");
    const { address } = await startDaemon(base, {}, server.env);
    const pushed = await run(address, { operation: "git_push", params: { branch: "ai/fix" } });
    expect(pushed).toMatchObject({ exit_code: 0 });
    expect(server.refs("owner/repo").get("refs/heads/ai/fix")).toBe(git(repo, "rev-parse", "HEAD").trim());
    expect(await run(address, { operation: "git_fetch" })).toMatchObject({ exit_code: 0 });
    expect(git(repo, "for-each-ref", "--format=%(refname)", "refs/remotes").trim()).toBe("refs/remotes/origin/ai/fix");
    expect(server.received("evil.example")).toEqual([]);
  });

  it.runIf(requireTools(["gh"]))("asks GitHub with the login of its user", async () => {
    const github = await startGitHub();
    github.repository("owner/repo").addPull({ title: "Wanted" });
    const { base } = baseFrom("git_github_write");
    const { address } = await startDaemon(base, {}, github.env);
    const reply = await run(address, { operation: "gh_pr_list" });
    expect(reply).toMatchObject({ exit_code: 0 });
    expect(reply.stdout).toContain("Wanted");
    expect(github.requests[0]?.headers.get("authorization")).toContain(github.token);
    expect(JSON.stringify(reply)).not.toContain(github.token);
  });

  it.runIf(requireTools(["aws"]))("asks AWS with the key of its user", async () => {
    const aws = await startAws();
    aws.buckets.set("my-bucket", new Map([["a.txt", "12345"]]));
    const { base } = baseFrom("aws_selected");
    const { address } = await startDaemon(base, {}, aws.env);
    const reply = await run(address, { operation: "aws_s3_ls", params: { bucket: "s3://my-bucket" } });
    expect(reply).toMatchObject({ exit_code: 0 });
    expect(reply.stdout).toContain("5 a.txt");
  });
});
