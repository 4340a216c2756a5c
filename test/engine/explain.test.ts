import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { asOwner } from "../../host/cli/owner-client.ts";
import { baseDirectory } from "../../host/util/base-directory.ts";
import { DaemonClient } from "../../wire/client.ts";
import type { RunRequest } from "../../wire/daemon-calls.ts";
import type { Explanation, ExplanationReply, OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { send } from "../fixtures/exchange.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

const SECRET = "planted-value-of-env";
const HOST_SECRET = "planted-value-of-the-host";

/** A project with one operation for each thing that a step can say, and a daemon. */
class Explained {
  readonly base = new Base();
  readonly repo = makeRepo(join(tempDirectory(), "repo"));
  readonly programs = fixturePrograms();
  running: RunningDaemon | undefined;

  constructor(changes: Partial<ProjectConfig> = {}, approve = true) {
    const operations: Readonly<Record<string, OperationTemplate>> = {
      say: {
        command: join(this.programs, "print-args"),
        args_template: ["--in={repo_path}", "{SERVICE}", "{word}"],
        params: { word: { type: "string", pattern: "^[a-z]+$" } },
        allowed_flags: ["--fine", { flag: "--limit", type: "integer", max: 9 }],
      },
      push: {
        command: "git",
        args_template: ["push", "{expected_git_url}", "{branch}:refs/heads/{branch}"],
        params: { branch: { type: "git_branch" } },
      },
      status: { command: "git", args_template: ["status"] },
      gone: { command: "no-such-program-of-cmd2host" },
      read: {
        command: join(this.programs, "print-args"),
        args_template: ["{file}"],
        params: { file: { type: "workspace_path", direction: "input", max_bytes: 100 } },
      },
      write: {
        command: join(this.programs, "write-file"),
        args_template: ["{file}", "x"],
        params: { file: { type: "workspace_path" } },
      },
      path: {
        command: join(this.programs, "print-args"),
        args_template: ["{path}"],
        params: { path: { type: "path" } },
      },
      needs: { command: join(this.programs, "read-stdin"), stdin: "required" },
      careful: {
        command: join(this.programs, "print-args"),
        args_template: ["{word}"],
        params: { word: { type: "string" } },
        approval: { when: [{ param: "word", pattern: "^rm" }], via: ["phone"], answers: ["once"] },
      },
      forbidden: { command: "/bin/true" },
    };
    const config = defaultProject(this.repo, {
      operations,
      allowed_operations: Object.keys(operations).filter((id) => id !== "forbidden"),
      constraints: { branch_allow: ["ai/.+"], path_deny: ["secret/**"] },
      env: { SERVICE: SECRET },
      ...changes,
    });
    this.base.writeProject("owner_repo", config, approve).writeToken(TOKEN, { repo: "owner/repo" });
  }

  async start(): Promise<this> {
    this.running = await startDaemon(this.base, {}, { ...process.env, GH_TOKEN: HOST_SECRET, LANG: "C.UTF-8" });
    return this;
  }

  async owner(request: object, project = "owner_repo"): Promise<Explanation> {
    return asOwner(this.base.directory, async (owner) => owner.explain(project, request));
  }

  async reply(request: RunRequest | { readonly argv: readonly string[] }, token = TOKEN): Promise<ExplanationReply> {
    const address = this.running?.address;
    if (address === undefined) throw new Error("not started");
    return new DaemonClient(address, token).explain(request);
  }

  async session(request: RunRequest | { readonly argv: readonly string[] }): Promise<Explanation> {
    const { explanation, error } = await this.reply(request);
    if (explanation === undefined || explanation === null) throw new Error(error);
    return explanation;
  }

  /** Every file below, with its content, and when it was written. */
  files(): readonly string[] {
    return [this.base.root, this.repo].flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: "utf8" })
        // That somebody asked is recorded.
        .filter((name) => !/^(?:audit|keys)(?:\/|$)/.test(name))
        .sort()
        .flatMap((name) => {
          const stats = lstatSync(join(root, name));
          if (stats.isSocket()) return [];
          return [`${name} ${stats.isFile() ? readFileSync(join(root, name), "latin1") : ""} ${stats.mtimeMs}`];
        }),
    );
  }
}

function stoppedAt({ steps }: Explanation): string | undefined {
  return steps.find(({ result }) => result === "stopped")?.step;
}

describe("an explanation for the owner", () => {
  it("says what would run, and what decided at each step", async () => {
    const scene = await new Explained().start();
    const told = await scene.owner({ operation: "say", params: { word: "hello" }, flags: ["--limit", "5"] });
    const file = join(scene.programs, "print-args");
    expect(told).toMatchObject({
      dry_run: true,
      verdict: "allow",
      project: "owner_repo",
      operation: "say",
      target: "owner/repo",
      asks: { person: false },
    });
    expect(told.plan).toMatchObject({
      argv: [file, `--in=${scene.repo}`, SECRET, "hello", "--limit=5"],
      program: file,
      cwd: scene.repo,
      runs_in: "workspace",
      profile: "minimal",
      timeout_seconds: 60,
      max_stdout_bytes: 1_048_576,
      stdin: "none",
    });
    expect(told.plan?.env).toEqual(expect.arrayContaining(["PATH", "SERVICE", "LANG"]));
    expect(told.steps.filter(({ result }) => result !== "passed")).toEqual([]);
    const says = Object.fromEntries(told.steps.map(({ step, says: text }) => [step, text]));
    expect(says).toMatchObject({
      authenticate: "as the owner of the host, without a token",
      target: "owner/repo, the project's only one; git@github.com:owner/repo.git",
      values: 'params ["word"], flags ["--limit=5"]',
      branches: "it pushes nothing",
      program: file,
    });
    // The environment is told by its names: only the argument that the template makes of it has a value.
    expect(JSON.stringify({ ...told, plan: undefined, steps: [] })).not.toContain(SECRET);
    expect(JSON.stringify(told)).not.toContain(HOST_SECRET);
  });

  it("names the pattern that lets a branch through, and the commit that would be pushed", async () => {
    const scene = await new Explained().start();
    git(scene.repo, "branch", "ai/x");
    const told = await scene.owner({ operation: "push", params: { branch: "ai/x" } });
    expect(told.verdict).toBe("allow");
    expect(told.steps.find(({ step }) => step === "branches")?.says).toBe('it pushes to "ai/x" by "ai/.+"');
    expect(told.plan).toMatchObject({
      runs_in: "own_repository",
      profile: "git_remote_strict",
      commit: git(scene.repo, "rev-parse", "ai/x").trim(),
    });
    expect(told.plan).not.toHaveProperty("cwd");
  });

  it("names the step that says no, the code, and leaves what follows unreached", async () => {
    const scene = await new Explained().start();
    mkdirSync(join(scene.repo, "secret"));
    symlinkSync("/etc/hostname", join(scene.repo, "link"));
    const cases: readonly (readonly [object, string, string, string?])[] = [
      [{ operation: "say" }, "arguments", "param_missing"],
      [{ operation: "nothing" }, "operation", "operation_unknown"],
      [{ operation: "forbidden" }, "operation", "operation_not_allowed"],
      [{ operation: "say", params: { word: "UP" } }, "values", "param_invalid"],
      [{ operation: "say", params: { word: "up" }, flags: ["--x"] }, "values", "flag_not_allowed"],
      [{ operation: "say", params: { word: "up" }, stdin_required: true }, "stdin", "stdin_not_allowed"],
      [{ operation: "path", params: { path: "secret/x" } }, "paths", "path_denied"],
      [{ operation: "push", params: { branch: "main" } }, "branches", "branch_denied"],
      [{ operation: "push", params: { branch: "ai/nowhere" } }, "repository", "git_ref_invalid"],
      [{ operation: "read", params: { file: "README" } }, "staging", "input_invalid"],
      [{ operation: "read", params: { file: "link" } }, "paths", "path_denied"],
      [{ operation: "gone" }, "program", "command_not_found"],
      [{ operation: "say", target_repo: "evil/other" }, "target", "target_not_allowed"],
      [{ raw_argv: ["aws", "s3", "ls", "file:///etc/hostname"] }, "line", "file_url_refused"],
      [{ raw_argv: ["git", "rebase"] }, "operation", "argv_no_match"],
    ];
    for (const [request, step, code] of cases) {
      const told = await scene.owner(request);
      expect([JSON.stringify(request), stoppedAt(told), told.code]).toEqual([JSON.stringify(request), step, code]);
      expect(told.verdict).toBe(code === "command_not_found" ? "fail" : "deny");
      expect(told).not.toHaveProperty("plan");
      const at = told.steps.findIndex(({ result }) => result === "stopped");
      expect(told.steps.slice(at + 1).every(({ result }) => result === "not_reached")).toBe(true);
      expect(told.steps.slice(0, at).every(({ result }) => result === "passed")).toBe(true);
      expect(told.message?.length).toBeGreaterThan(5);
    }
  });

  it("says which operations a command line comes close to, and why it is none of them", async () => {
    const scene = await new Explained().start();
    const told = await scene.owner({ raw_argv: ["git", "status", "--porcelain"] });
    expect(told.near?.[0]).toEqual({ operation: "status", why: 'unknown flag "--porcelain"', form: "git status" });
    expect(told.near?.map(({ operation }) => operation)).toEqual(["status", "push"]);
    const typed = await scene.owner({ raw_argv: ["git", "status"] });
    expect(typed.steps.find(({ step }) => step === "operation")?.says).toBe(
      "status, the only one that makes this command line",
    );
  });

  it("of a configuration that is not approved, or of no project, says so", async () => {
    const scene = await new Explained({}, false).start();
    expect(await scene.owner({ operation: "status" })).toMatchObject({ verdict: "deny", code: "config_not_allowed" });
    const none = await scene.owner({ operation: "status" }, "no_such");
    expect([stoppedAt(none), none.code]).toEqual(["project", "project_unknown"]);
  });

  it("says when the workspace is refused, with the command that repairs it", async () => {
    const scene = await new Explained().start();
    git(scene.repo, "config", "core.fsmonitor", "touch /tmp/x");
    const told = await scene.owner({ operation: "status" });
    expect([stoppedAt(told), told.code]).toEqual(["configuration", "workspace_untrusted"]);
    expect(told.hint).toContain("--unset-all core.fsmonitor");
  });

  it("says whether a person would be asked, and why", async () => {
    const scene = await new Explained().start();
    const told = await scene.owner({ operation: "careful", params: { word: "rm" } });
    expect(told).toMatchObject({
      verdict: "ask",
      asks: { person: true, why: 'word is "rm"', answers: ["once"], via: ["phone"] },
    });
    expect(await scene.owner({ operation: "careful", params: { word: "ls" } })).toMatchObject({ verdict: "allow" });
    // Nobody was asked.
    expect(await asOwner(scene.base.directory, async (owner) => (await owner.approvals("", 0)).approvals)).toEqual([]);
  });

  it("is nobody else's: on every other way in it is a wrong token", async () => {
    const scene = await new Explained().start();
    const message = { explain: { project: "owner_repo", request: { operation: "status" } } };
    const address = scene.running?.address;
    if (address === undefined) throw new Error("not started");
    for (const more of [{}, { token: TOKEN }, { token: "" }, { token: "0".repeat(64) }]) {
      const { text } = await send(address, [JSON.stringify({ ...message, ...more })]);
      expect(JSON.parse(text)).toMatchObject({
        explanation: null,
        error: "Authentication failed",
        code: "unauthenticated",
      });
      expect(text).not.toContain(scene.repo);
    }
    const wrong = await scene.reply({ operation: "status" }, "0".repeat(64));
    expect(wrong).toMatchObject({ error: "Authentication failed", code: "unauthenticated" });
  });
});

describe("an explanation for a session", () => {
  it("says what would run without what only the owner sees", async () => {
    const scene = await new Explained().start();
    const told = await scene.session({ operation: "say", params: { word: "hello" } });
    expect(told.verdict).toBe("allow");
    expect(told.plan?.argv).toEqual([join(scene.programs, "print-args"), "--in={repo_path}", "{SERVICE}", "hello"]);
    const text = JSON.stringify(told);
    for (const planted of [SECRET, HOST_SECRET, scene.repo, scene.base.root, "GH_TOKEN", '"env"', "minimal", "PATH"])
      expect([planted, text.includes(planted)]).toEqual([planted, false]);
    expect(Object.keys(told.plan ?? {}).sort()).toEqual(
      ["argv", "max_stderr_bytes", "max_stdout_bytes", "runs_in", "stdin", "timeout_seconds"].sort(),
    );
    expect(told.steps.every((step) => !("says" in step))).toBe(true);
    const asked = await scene.session({ operation: "careful", params: { word: "rm" } });
    expect(asked.asks).toEqual({ person: true, why: 'word is "rm"' });
  });

  it("is denied in the very words of the call itself", async () => {
    const scene = await new Explained().start();
    const address = scene.running?.address;
    if (address === undefined) throw new Error("not started");
    const client = new DaemonClient(address, TOKEN);
    const requests: readonly RunRequest[] = [
      { operation: "forbidden" },
      { operation: "nothing" },
      { operation: "say", params: { word: "UP" } },
      { operation: "push", params: { branch: "main" } },
      { operation: "read", params: { file: "no-such" } },
      { operation: "path", params: { path: "secret/x" } },
    ];
    for (const request of requests) {
      const told = await scene.session(request);
      const { denied_reason: reason, code, hint } = await client.run(request);
      expect([told.message, told.code, told.hint]).toEqual([reason, code, hint]);
    }
    const near = await scene.session({ argv: ["git", "status", "--porcelain"] });
    expect(near.near?.map(({ operation }) => operation)).toEqual(["status"]);
  });

  it("is recorded as what it is, with what it would be denied for", async () => {
    const scene = await new Explained().start();
    await scene.session({ operation: "status" });
    await scene.session({ operation: "forbidden" });
    const told = (scene.running?.lines ?? []).filter(({ fields }) => fields["source"] === "explain_operation");
    expect(told.map(({ event, fields }) => [event, fields["operation"], fields["code"]])).toEqual([
      ["permitted", "status", undefined],
      ["denied", "forbidden", "operation_not_allowed"],
    ]);
    expect(scene.running?.lines.some(({ event }) => event === "completed")).toBe(false);
  });
});

it("a dry run writes nothing, starts nothing and leaves nothing behind", async () => {
  const scene = await new Explained().start();
  writeFileSync(join(scene.repo, "input"), "content");
  git(scene.repo, "branch", "ai/x");
  // The first look makes git's and our own directories, if any.
  const before = scene.files();
  const requests: readonly RunRequest[] = [
    { operation: "say", params: { word: "up" } },
    { operation: "read", params: { file: "input" } },
    { operation: "write", params: { file: "out/new" } },
    { operation: "push", params: { branch: "ai/x" } },
    { operation: "status" },
    { operation: "careful", params: { word: "rm" } },
    { operation: "gone" },
    { operation: "read", params: { file: "missing" } },
  ];
  for (const request of requests) {
    await scene.owner(request);
    await scene.session(request);
  }
  expect(scene.files()).toEqual(before);
  expect(await asOwner(baseDirectory({ CMD2HOST_CONFIG_DIR: scene.base.root }), async (owner) => owner.runs())).toEqual(
    [],
  );
  const read = await scene.owner({ operation: "read", params: { file: "input" } });
  expect(read.plan).toMatchObject({
    argv: [expect.any(String), "input"],
    inputs: [{ param: "file", path: "input", bytes: 7 }],
  });
  const written = await scene.owner({ operation: "write", params: { file: "out/new" } });
  expect(written.plan).toMatchObject({ output: "out/new" });
});
