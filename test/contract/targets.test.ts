import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repoOfHint } from "../../host/target/origin.ts";
import type { Constraints, OperationReply, OperationTemplate } from "../../wire/schema.ts";
import { Base, defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { conforms, expectDenied } from "./conformance.ts";

const programs = fixturePrograms();
const where: Readonly<Record<string, OperationTemplate>> = {
  where: { command: `${programs}/print-args`, args_template: ["{repo}"] },
};

async function withOrigin(origin: string, constraints: Constraints = {}): Promise<RunningDaemon> {
  const { base, repo } = defaultBase({ allowed_operations: ["where"], operations: where, constraints });
  git(repo, "remote", "set-url", "origin", origin);
  return startDaemon(base);
}

async function tried(origin: string, constraints: Constraints = {}): Promise<OperationReply> {
  return run((await withOrigin(origin, constraints)).address, { operation: "where" });
}

describe("target repository and origin", async () => {
  const directory = tempDirectory();
  const one = makeRepo(join(directory, "one"), "git@github.com:owner/one.git");
  const two = makeRepo(join(directory, "two"), "https://github.com/owner/two");
  const base = new Base();
  base.writeProject("owner_one", {
    repos: ["owner/one", "owner/two"],
    repo_paths: [one, two],
    allowed_operations: ["where", "named", "other"],
    operations: {
      ...where,
      named: { command: `${programs}/print-args`, args_template: ["x", "-R", "{repo}"] },
      other: {
        command: `${programs}/print-args`,
        args_template: ["y", "{a}", "{b}"],
        params: { a: { type: "string", allow_leading_dash: true }, b: { type: "string" } },
      },
    },
  });
  base.writeToken(TOKEN, { project_id: "owner_one", repo: "owner/one" });
  const { address } = await startDaemon(base);
  const at = async (fields: object): Promise<OperationReply> => run(address, { operation: "where", ...fields });
  const hint = (toplevel: string, origin_url: string): object => ({ cwd_context: { toplevel, origin_url } });

  it("is the one that a typed command line names, unless the request names another", async () => {
    const typed = async (line: string, more: object = {}): Promise<OperationReply> =>
      run(address, { raw_argv: line.split(" "), ...more });
    expect((await typed("print-args x -R Owner/Two")).stdout).toContain("[owner/two]");
    expectDenied(await typed("print-args --repo=github.com/owner/one x"), "unknown flag", "argv_no_match");
    expect((await typed("print-args x --repo=github.com/owner/one")).stdout).toContain("[owner/one]");
    const other = await typed("print-args x -R owner/two", { target_repo: "owner/one" });
    expectDenied(other, "the project has owner/one, owner/two", "argv_no_match");
    expectDenied(await typed("print-args x"), "target_repo is required", "target_required");
    // Not the option that it looks like.
    expectDenied(await typed("print-args y -R owner/two"), "target_repo is required", "target_required");
    expect((await typed("print-args y -R owner/two", { target_repo: "owner/one" })).stdout).toContain("[-R]");
  });

  conforms(63, "with one repository, no target and a hint that does not match mean that one", async () => {
    const running = await withOrigin("git@github.com:owner/repo.git");
    expect((await run(running.address, { operation: "where" })).stdout).toBe("[owner/repo]\n");
    expect((await run(running.address, { operation: "where", ...hint("/x", "git@github.com:x/y") })).stdout).toBe(
      "[owner/repo]\n",
    );
    expectDenied(
      await run(running.address, { operation: "where", target_repo: "x/y" }),
      "not in the project allow list",
      "target_not_allowed",
    );
  });

  conforms(64, "with several, the request or a matching hint decides", async () => {
    expectDenied(await at({}), "target_repo is required", "target_required");
    expect((await at(hint(`${two}//`, "git@github.com:owner/two.git"))).stdout).toBe("[owner/two]\n");
    for (const wrong of [
      hint(one, "git@github.com:owner/two.git"),
      hint(two, ""),
      hint("", "git@github.com:owner/two.git"),
      hint("/x", "git@github.com:x/y.git"),
    ]) {
      expectDenied(await at(wrong), "target_repo is required");
    }
    expect((await at({ target_repo: "owner/one", ...hint(two, "git@github.com:owner/two.git") })).stdout).toBe(
      "[owner/one]\n",
    );
  });

  it("may be found by the hint's place under its mount, among the project's own repositories only", async () => {
    const under = (relative: string, origin_url: string): object => ({
      cwd_context: { toplevel: "/workspaces/elsewhere", origin_url, relative },
    });
    expect((await at(under("two", "git@github.com:owner/two.git"))).stdout).toBe("[owner/two]\n");
    expect((await at(under(".", "git@github.com:owner/one.git"))).stdout).toBe("[owner/one]\n");
    for (const wrong of [
      under("wo", "git@github.com:owner/two.git"),
      under("one", "git@github.com:owner/two.git"),
      under("", "git@github.com:owner/two.git"),
      under(".", "git@github.com:x/y.git"),
      under(".", ""),
    ]) {
      expectDenied(await at(wrong), "target_repo is required", "target_required");
    }
    const named = await at({ target_repo: "owner/one", ...under("two", "git@github.com:owner/two.git") });
    expect(named.stdout).toBe("[owner/one]\n");
  });

  conforms(65, "a denial never shows a URL that may hold credentials", async () => {
    const reply = await at(hint("/x", "https://user:secret@github.com/o/r.git"));
    expectDenied(reply, "auto-resolve did not match");
    expect(reply.denied_reason).toContain("o/r");
    expect(JSON.stringify(reply)).not.toContain("secret");
    expectDenied(await at(hint("/x", "https://user:secret@github.com/deep/er/path")), "<unparsed>");
  });

  conforms(66, "the hint's origin is read leniently", () => {
    const table: readonly (readonly [string, string | undefined])[] = [
      ["git@h:o/r", "o/r"],
      ["git@h:o/r.git", "o/r"],
      ["https://h/o/r", "o/r"],
      ["https://user:pw@h/o/r", "o/r"],
      ["https://x-access-token:T@github.com/o/r.git", "o/r"],
      ["ssh://git@h/o/r", "o/r"],
      ["ssh://git@h:22/o/r", "o/r"],
      [" git@h:o/r.git \n", "o/r"],
      ["h:o/r", undefined],
      ["git@h:a/b/c", undefined],
      ["git@h:single", undefined],
      ["https://h/single", undefined],
      ["", undefined],
    ];
    for (const [url, repo] of table) expect([url, repoOfHint(url)]).toEqual([url, repo]);
  });

  conforms(67, "an origin of another repository or host is denied; case is ignored", async () => {
    const other = await tried("git@github.com:other/thing.git");
    expectDenied(other, "other/thing", "origin_mismatch");
    expectDenied(other, "owner/repo");
    expectDenied(await tried("git@gitlab.com:owner/repo.git"), "origin host", "origin_mismatch");
    expect((await tried("git@GitHub.com:Owner/Repo.git")).exit_code).toBe(0);
    expect((await tried("https://github.com/owner/repo.git/")).exit_code).toBe(0);
    const local = await tried("/local/path.git");
    expectDenied(local, "does not match expected");
    expect(local.denied_reason).not.toContain("/local/path.git");
  });

  conforms(68, "other dialects of URL are denied", async () => {
    for (const url of [
      "ssh://git@github.com/owner/repo.git",
      "https://tok@github.com/owner/repo",
      "git@github.com:/owner/repo.git",
      "git@github.com:a/b/c",
    ]) {
      expectDenied(await tried(url), "does not match expected SSH/HTTPS pattern");
    }
  });

  conforms(69, "the host is the project's", async () => {
    expectDenied(await tried("git@github.com:owner/repo.git", { remote_hosts_allow: ["gitlab.com"] }), "origin host");
    expectDenied(
      await tried("git@github.com:owner/repo.git", { remote_hosts_allow: ["git hub"] }),
      "not a bare hostname",
      "host_invalid",
    );
  });
});
