import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canonicalText } from "../../host/project/canonical.ts";
import { distinctProjectId } from "../../host/project/project-id.ts";
import { listTemplates, templatesDirectory } from "../../host/project/templates.ts";
import { sha256Hex } from "../../host/util/hash.ts";
import { Host, smallConfig } from "./harness.ts";

function config(host: Host, id: string): Record<string, unknown> {
  return JSON.parse(readFileSync(host.projectFile(id), "utf8")) as Record<string, unknown>;
}

function commands(host: Host, id: string): readonly unknown[] {
  const operations = config(host, id)["operations"] as Record<string, { command: string }>;
  return [...new Set(Object.values(operations).map((operation) => operation.command))].sort();
}

const PUSH = { command: "/usr/bin/git", args_template: ["push", "{expected_git_url}", "HEAD:refs/heads/ai/x"] };

describe("config init", () => {
  it("writes a private configuration in canonical form with the full paths of the commands", async () => {
    const host = new Host();
    const { exit, stdout } = await host.run(
      "config",
      "init",
      "--repo=owner/repo",
      `--repo-path=${host.checkout}`,
      "--template=readonly",
    );
    expect(exit).toBe(0);
    const file = host.projectFile("owner_repo");
    expect(stdout).toContain(`Created config: ${file}\n`);
    expect(stdout).toContain("Not allowed yet: cmd2host config allow owner_repo\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
    expect(config(host, "owner_repo")).toMatchObject({ repos: ["owner/repo"], repo_paths: [host.checkout] });
    expect(commands(host, "owner_repo")).toEqual([join(host.bin, "gh"), join(host.bin, "git")]);
    expect(await host.json("config", "migrate", "owner_repo")).toMatchObject({ needed: false });
  });

  it("leaves commands that are not on PATH as they are, and says so", async () => {
    const host = new Host();
    host.environment["PATH"] = join(host.root, "nothing");
    const { exit, stderr } = await host.run("config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`);
    expect(exit).toBe(0);
    expect(commands(host, "owner_repo")).toEqual(["gh", "git"]);
    expect(stderr).toContain("warning: gh was not found on PATH");
  });

  it("does not take commands from the checkout or from relative entries of PATH", async () => {
    const host = new Host();
    const inside = join(host.checkout, "bin");
    mkdirSync(inside);
    writeFileSync(join(inside, "gh"), "#!/bin/sh\n", { mode: 0o755 });
    host.environment["PATH"] = `${inside}:.::${join("base", "..", "bin")}`;
    await host.run("config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`);
    expect(commands(host, "owner_repo")).toEqual(["gh", "git"]);
  });

  it.each([
    [["config", "init", "--repo=invalidrepo"]],
    [["config", "init", "--repo=owner/repo/extra"]],
    [["config", "init", "--repo=-owner/repo"]],
    [["config", "init", "--repo="]],
    [["config", "init", "--repo=a/b", "--repo=c/d"]],
    [["config", "init", "--repo=a/b", "--repo-path=/x", "--repo-path=/y"]],
    [["config", "init", "--repo=a/b", "--host=https://github.com"]],
    [["config", "init", "--repo=a/b", "--template=fleet_ops"]],
    [["config", "init"]],
  ])("refuses %j as usage and writes nothing", async (argv) => {
    const host = new Host();
    const { exit, stderr } = await host.run(...argv);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
    expect(existsSync(join(host.base, "projects"))).toBe(false);
  });

  it.each([
    [["--template=nope"], 'failed to read template "nope"'],
    [["--template=../readonly"], "failed to read template"],
    [["--branch=("], "invalid branch pattern"],
    [["--id=../x"], "is not a project id"],
    [["--repo=owner/repo", "--repo-path=/x", "--repo-path=/x"], "stands twice"],
  ])("fails for %j and writes nothing", async (more, message) => {
    const host = new Host();
    const { exit, stderr } = await host.run("config", "init", "--repo=owner/repo", ...more);
    expect(exit).toBe(1);
    expect(stderr).toContain(message);
    expect(existsSync(join(host.base, "projects"))).toBe(false);
  });

  it("says how a template for a machine is used", async () => {
    const { stderr } = await new Host().run("config", "init", "--repo=owner/repo", "--template=fleet_ops");
    expect(stderr).toBe(
      "error: template fleet_ops is for a machine of a fleet, not for repositories\nhint: On that machine: cmd2host agent init --template=fleet_ops\n",
    );
  });

  it("does not replace a configuration without --force, and with it takes the approval away", async () => {
    const host = new Host();
    const line = ["config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`];
    await host.run(...line, "--allow");
    const before = readFileSync(host.projectFile("owner_repo"));
    const refused = await host.run(...line, "--template=git_write");
    expect(refused.exit).toBe(1);
    expect(refused.stderr).toContain("already exists");
    expect(readFileSync(host.projectFile("owner_repo"))).toEqual(before);
    expect((await host.run(...line, "--template=git_write", "--force")).exit).toBe(0);
    expect((await host.run("config", "diff", "owner_repo")).stdout).toContain("Status: MODIFIED (hashes differ)");
  });

  it("with --allow approves what it wrote", async () => {
    const host = new Host();
    const { exit, stdout } = await host.run(
      "config",
      "init",
      "--repo=owner/repo",
      `--repo-path=${host.checkout}`,
      "--allow",
    );
    expect(exit).toBe(0);
    expect(stdout).toContain("Config allowed.\n");
    expect((await host.run("projects")).stdout).toBe("Configured projects:\n  owner_repo (allowed)\n");
  });

  it("sets branch_allow from --branch and the host from --host", async () => {
    const host = new Host();
    await host.run(
      "config",
      "init",
      "--repo=owner/repo",
      `--repo-path=${host.checkout}`,
      "--template=git_write",
      "--branch=bot/.+",
      "--branch",
      "fix-[0-9]+",
      "--host=git.example.org",
    );
    expect(config(host, "owner_repo")["constraints"]).toEqual({
      remote_hosts_allow: ["git.example.org"],
      branch_allow: ["bot/.+", "fix-[0-9]+"],
    });
  });

  it("warns about a branch pattern written for searching", async () => {
    const host = new Host();
    const { stderr } = await host.run(
      "config",
      "init",
      "--repo=owner/repo",
      `--repo-path=${host.checkout}`,
      "--template=git_write",
      "--branch=^ai/",
    );
    expect(stderr).toContain("Write ai/.+ for every branch that begins so.");
  });

  it("takes the current directory for one repository when it is a checkout", async () => {
    const host = new Host();
    host.cwd = host.checkout;
    await host.run("config", "init", "--repo=owner/repo");
    expect(config(host, "owner_repo")["repo_paths"]).toEqual([host.checkout]);
  });

  it("keeps the template's placeholder path elsewhere, and says so", async () => {
    const host = new Host();
    const { stderr } = await host.run("config", "init", "--repo=owner/repo");
    expect(config(host, "owner_repo")["repo_paths"]).toEqual(["/path/to/repo"]);
    expect(stderr).toContain("placeholder /path/to/repo");
  });

  it("makes relative paths absolute and keeps the order of several repositories", async () => {
    const host = new Host();
    const { exit } = await host.run(
      "config",
      "init",
      "--repo=a/one",
      "--repo=b/two",
      "--repo-path=checkout",
      "--repo-path=./checkout/../other",
    );
    expect(exit).toBe(0);
    expect(config(host, "a_one")).toMatchObject({
      repos: ["a/one", "b/two"],
      repo_paths: [host.checkout, join(host.root, "other")],
    });
  });

  it("gives a_b/c and a/b_c directories of their own", async () => {
    const host = new Host();
    await host.run("config", "init", "--repo=a_b/c", `--repo-path=${host.checkout}`);
    const { exit } = await host.run("config", "init", "--repo=a/b_c", `--repo-path=${host.checkout}`);
    expect(exit).toBe(0);
    const distinct = distinctProjectId("a/b_c");
    expect(config(host, "a_b_c")["repos"]).toEqual(["a_b/c"]);
    expect(config(host, distinct)["repos"]).toEqual(["a/b_c"]);
    expect((await host.run("config", "init", "--repo=a/b_c", `--repo-path=${host.checkout}`)).stderr).toContain(
      `${distinct}/config.json already exists`,
    );
  });

  it("uses --id as the directory", async () => {
    const host = new Host();
    expect(
      await host.json("config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`, "--id=mine"),
    ).toMatchObject({ project: "mine", allowed: false });
    expect(existsSync(host.projectFile("mine"))).toBe(true);
  });
});

describe("config allow", () => {
  it("says what becomes allowed, then the project and the hash, and keeps exactly the bytes that it read", async () => {
    const host = new Host();
    const file = host.project("owner_repo", smallConfig(host.checkout));
    const { exit, stdout } = await host.run("config", "allow", "owner_repo");
    const bytes = readFileSync(file);
    expect(exit).toBe(0);
    expect(stdout).toContain("  + adds operation say: git log -n {count}\n      param count: integer, 1 to 9\n");
    expect(stdout.endsWith(`Allowed config for project: owner_repo\nHash: ${sha256Hex(bytes)}\n`)).toBe(true);
    expect(readFileSync(host.projectFile("owner_repo", "allowed.sha256"), "utf8")).toBe(`${sha256Hex(bytes)}\n`);
    expect(readFileSync(host.projectFile("owner_repo", "allowed.json"))).toEqual(bytes);
  });

  it.each([
    ["text that is no JSON", "{", "Invalid config: "],
    ["a null operation", JSON.stringify(smallConfig("/x", { operations: { say: null } })), "Invalid config: "],
    ["a loader variable in env", JSON.stringify(smallConfig("/x", { env: { LD_PRELOAD: "/x.so" } })), "LD_PRELOAD"],
    [
      "an operation that is not defined",
      JSON.stringify(smallConfig("/x", { allowed_operations: ["other"] })),
      "references unknown operation",
    ],
  ])("refuses %s and writes no hash", async (_what, text, message) => {
    const host = new Host();
    const file = host.project("owner_repo", {});
    writeFileSync(file, text);
    const { exit, stderr } = await host.run("config", "allow", "owner_repo");
    expect(exit).toBe(1);
    expect(stderr).toContain(message);
    expect(existsSync(host.projectFile("owner_repo", "allowed.sha256"))).toBe(false);
  });

  it("refuses an operation that pushes while no branch is allowed", async () => {
    const host = new Host();
    host.project(
      "owner_repo",
      smallConfig(host.checkout, { allowed_operations: ["git_push"], operations: { git_push: PUSH } }),
    );
    const refused = await host.run("config", "allow", "owner_repo", "--json");
    expect(refused.exit).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "branch_allow_missing" } });
    expect(existsSync(host.projectFile("owner_repo", "allowed.sha256"))).toBe(false);
  });

  it("accepts a pushing operation that is only defined", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout, { allowed_operations: [], operations: { git_push: PUSH } }));
    expect((await host.run("config", "allow", "owner_repo")).exit).toBe(0);
  });

  it("refuses a configuration that others can write", async () => {
    const host = new Host();
    chmodSync(host.project("owner_repo", smallConfig(host.checkout)), 0o666);
    const { exit, stderr } = await host.run("config", "allow", "owner_repo");
    expect(exit).toBe(1);
    expect(stderr).toContain("can be written by others");
    expect(existsSync(host.projectFile("owner_repo", "allowed.sha256"))).toBe(false);
  });

  it("shouts about variables that can redirect programs", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout, { env: { PATH: "/evil" }, env_unsafe: ["PATH"] }));
    const { stdout, stderr } = await host.run("config", "allow", "owner_repo");
    expect(stderr).toContain("WARNING: every program of owner_repo gets PATH=/evil");
    expect(stdout).toContain("adds env_unsafe PATH");
  });

  it("does not print the value of a secret", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout, { env: { MY_TOKEN: "s3cr3t" } }));
    const { stdout, stderr } = await host.run("config", "allow", "owner_repo");
    expect(stdout).toContain("sets env MY_TOKEN (value not shown)");
    expect(stdout + stderr).not.toContain("s3cr3t");
  });

  it.each(["../x", "a/b", "", ".."])("does not take %j for a project", async (id) => {
    const { exit, stderr } = await new Host().run("config", "allow", id);
    expect(exit).toBe(1);
    expect(stderr).toContain("is not a project id");
  });
});

describe("config disallow", () => {
  it("takes the approval back", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout));
    await host.run("config", "allow", "owner_repo");
    expect((await host.run("config", "disallow", "owner_repo")).stdout).toBe("No longer allowed: owner_repo\n");
    expect((await host.run("projects")).stdout).toContain("owner_repo (not allowed)");
    expect(await host.json("config", "disallow", "owner_repo")).toEqual({ project: "owner_repo", was_allowed: false });
  });

  it("fails for a project that does not exist", async () => {
    expect(await new Host().run("config", "disallow", "nothing")).toMatchObject({ exit: 1 });
  });
});

describe("config diff", () => {
  it("exits with 0 and names the state in all three", async () => {
    const host = new Host();
    const file = host.project("owner_repo", smallConfig(host.checkout));
    const first = await host.run("config", "diff", "owner_repo");
    await host.run("config", "allow", "owner_repo");
    const second = await host.run("config", "diff", "owner_repo");
    writeFileSync(file, `${readFileSync(file, "utf8")}\n`);
    const third = await host.run("config", "diff", "owner_repo");
    expect([first.exit, second.exit, third.exit]).toEqual([0, 0, 0]);
    expect(first.stdout).toContain(
      "Allowed hash: (none)\n\nStatus: NOT ALLOWED\nTo allow it: cmd2host config allow owner_repo\n",
    );
    expect(second.stdout).toMatch(
      /Project: owner_repo\nConfig: .+\nCurrent hash: ([0-9a-f]{64})\nAllowed hash: \1\n\nStatus: ALLOWED \(hashes match\)\n$/,
    );
    expect(third.stdout).toContain("Status: MODIFIED (hashes differ)\n");
    expect(third.stdout).toContain("No change of what may be done");
  });

  it("shows in words and as text what changed since the approval", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout));
    await host.run("config", "allow", "owner_repo");
    host.project(
      "owner_repo",
      smallConfig(host.checkout, {
        allowed_operations: ["say", "wide"],
        operations: { say: { command: "git", args_template: ["log"] }, wide: PUSH },
      }),
    );
    const { stdout } = await host.run("config", "diff", "owner_repo");
    expect(stdout).toContain("  + adds operation wide: /usr/bin/git push {expected_git_url} HEAD:refs/heads/ai/x\n");
    expect(stdout).toContain("  + arguments of say change\n");
    expect(stdout).toContain("--- approved\n+++ current\n");
    expect(stdout).toMatch(/^\+ +"wide"/m);
    expect(await host.json("config", "diff", "owner_repo")).toMatchObject({
      status: "modified",
      snapshot: true,
      problem: null,
    });
  });

  it("says when what was approved was not kept", async () => {
    const host = new Host();
    const file = host.project("owner_repo", smallConfig(host.checkout));
    writeFileSync(host.projectFile("owner_repo", "allowed.sha256"), `${"0".repeat(64)}\n`, { mode: 0o600 });
    const { stdout } = await host.run("config", "diff", "owner_repo");
    expect(stdout).toContain("Status: MODIFIED");
    expect(stdout).toContain("No snapshot of what was approved was kept");
    expect(sha256Hex(readFileSync(file))).not.toBe("0".repeat(64));
  });

  it("does not believe a snapshot whose hash is not the approved one", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout));
    await host.run("config", "allow", "owner_repo");
    writeFileSync(
      host.projectFile("owner_repo", "allowed.json"),
      JSON.stringify(smallConfig(host.checkout, { allowed_operations: [] })),
      { mode: 0o600 },
    );
    host.project("owner_repo", smallConfig(host.checkout, { env: { A: "1" } }));
    expect(await host.json("config", "diff", "owner_repo")).toMatchObject({ snapshot: false });
  });

  it("still exits with 0 when the configuration does not load, and says why", async () => {
    const host = new Host();
    writeFileSync(host.project("owner_repo", {}), "{");
    const { exit, stdout } = await host.run("config", "diff", "owner_repo");
    expect(exit).toBe(0);
    expect(stdout).toContain("The configuration does not load: invalid project config:");
  });

  it("makes control characters of the file visible", async () => {
    const host = new Host();
    const file = host.project("owner_repo", smallConfig(host.checkout));
    await host.run("config", "allow", "owner_repo");
    writeFileSync(file, JSON.stringify(smallConfig(host.checkout, { note: "\u202e\u009b2J" })));
    const { stdout } = await host.run("config", "diff", "owner_repo");
    expect(stdout).toContain("\\u202e\\u009b2J");
    expect(stdout).not.toContain("\u202e");
    expect((await host.run("config", "diff", "owner_repo", "--json")).stdout).not.toContain("\u202e");
  });

  it("makes them visible also in what it says about a configuration that does not load", async () => {
    const host = new Host();
    host.project(
      "owner_repo",
      smallConfig(host.checkout, { operations: { "\u001b[2J\u202e": { params: { x: { pattern: "(" } } } } }),
    );
    for (const line of [["diff"], ["check"], ["show"], ["allow"]]) {
      const { stdout, stderr } = await host.run("config", ...line, "owner_repo");
      expect(stdout + stderr).toContain("\\x1b[2J\\u202e");
      expect(stdout + stderr).not.toMatch(/[\u001b\u202e]/);
    }
  });

  it("fails for a project without a configuration", async () => {
    const { exit, stderr } = await new Host().run("config", "diff", "nothing");
    expect(exit).toBe(1);
    expect(stderr).toContain("Config not found: nothing");
  });
});

describe("config migrate", () => {
  const legacy = {
    repo_path: "/srv/repo",
    repo: "owner/repo",
    operations: { push: PUSH },
    constraints: { branch_allow: ["^ai/"], note: 1 },
    "//": "mine",
    allowed_operations: ["push"],
  };

  it("shows the canonical form and writes nothing without --apply", async () => {
    const host = new Host();
    const file = host.project("owner_repo", legacy);
    const before = readFileSync(file);
    const { exit, stdout } = await host.run("config", "migrate", "owner_repo");
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^--- before ---\n[^]+\n--- after ----\n[^]+\n--- end ------\nDry-run only/);
    expect(readFileSync(file)).toEqual(before);
  });

  it("writes it with --apply, keeps unknown members and branch_allow, leaves the approval alone, and then has nothing to do", async () => {
    const host = new Host();
    const file = host.project("owner_repo", legacy);
    await host.run("config", "allow", "owner_repo");
    const pin = readFileSync(host.projectFile("owner_repo", "allowed.sha256"));
    const { exit, stdout } = await host.run("config", "migrate", "owner_repo", "--apply");
    expect(exit).toBe(0);
    expect(stdout).toContain(`Migrated: ${file}\nApprove it again: cmd2host config allow owner_repo\n`);
    expect(config(host, "owner_repo")).toMatchObject({
      repos: ["owner/repo"],
      repo_paths: ["/srv/repo"],
      constraints: { branch_allow: ["^ai/"], note: 1 },
      "//": "mine",
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(host.projectFile("owner_repo", "allowed.sha256"))).toEqual(pin);
    expect((await host.run("projects")).stdout).toContain("(not allowed)");
    expect((await host.run("config", "migrate", "owner_repo", "--apply")).stdout).toContain("No migration needed");
  });

  it("refuses a configuration that does not load", async () => {
    const host = new Host();
    host.project("owner_repo", { ...legacy, repos: ["a/b"] });
    expect((await host.run("config", "migrate", "owner_repo", "--apply")).stderr).toContain("mixing is not allowed");
  });
});

describe("config check", () => {
  it("has nothing to say about the bundled templates once they are filled in, but that one may ask a person", async () => {
    const host = new Host();
    for (const template of [
      "readonly",
      "github_write",
      "git_write",
      "git_github_write",
      "aws_selected",
      "local_demo",
    ]) {
      await host.run(
        "config",
        "init",
        `--repo=owner/${template}`,
        `--repo-path=${host.checkout}`,
        `--template=${template}`,
      );
    }
    const { exit, stdout } = await host.run("config", "check");
    const said = stdout.split("\n").filter((line) => !line.endsWith(": nothing found"));
    expect(said.flatMap((line) => /\[(\w+)\]$/.exec(line)?.[1] ?? [])).toEqual(["destructive_unasked"]);
    expect(said).toHaveLength(4);
    expect(exit).toBe(0);
  });

  it("exits with 1 for errors and names line, pointer, rule and fix", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout, { operations: { say: { args_template: ["log"] } } }));
    const { exit, stdout } = await host.run("config", "check", "owner_repo");
    expect(exit).toBe(1);
    expect(stdout).toMatch(
      /^owner_repo: 1 error, 0 warnings in .+\n {2}error line \d+ \/operations\/say: the operation names no command \[command_missing\]\n {6}Add command/,
    );
    expect(await host.json("config", "check", "owner_repo")).toMatchObject({
      errors: 1,
      checked: [{ project: "owner_repo", findings: [{ rule: "command_missing", pointer: "/operations/say" }] }],
    });
  });

  it("exits with 0 for warnings", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout, { allowd_operations: [] }));
    const { exit, stdout } = await host.run("config", "check");
    expect(exit).toBe(0);
    expect(stdout).toContain("Did you mean allowed_operations?");
  });

  it("reports a file that does not load, with its line", async () => {
    const host = new Host();
    const file = join(host.root, "policy.json");
    writeFileSync(file, '{\n  "repos": 5\n}\n', { mode: 0o666 });
    const { exit, stdout } = await host.run("config", "check", "--file", "policy.json");
    expect(exit).toBe(1);
    expect(stdout).toContain("error line 2 /repos: expected array, got number 5 [config_invalid]");
  });

  it("reports a project file that others can write", async () => {
    const host = new Host();
    chmodSync(host.project("owner_repo", smallConfig(host.checkout)), 0o666);
    expect((await host.run("config", "check")).stdout).toContain("[config_untrusted]");
  });

  it("has nothing to check without projects, and fails for one that does not exist", async () => {
    const host = new Host();
    expect(await host.run("config", "check")).toEqual({ exit: 0, stdout: "No projects configured.\n", stderr: "" });
    expect(await host.run("config", "check", "nothing")).toMatchObject({ exit: 1 });
    expect(await host.run("config", "check", "--file=nothing.json")).toMatchObject({ exit: 1 });
    expect(await host.run("config", "check", "a", "--file=b")).toMatchObject({ exit: 2 });
  });
});

describe("config show", () => {
  it("says what an agent may run, under which rules, and whether it is approved", async () => {
    const host = new Host();
    await host.run("config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`, "--template=git_write");
    const { exit, stdout } = await host.run("config", "show", "owner_repo");
    expect(exit).toBe(0);
    expect(stdout).toContain("Project owner_repo: NOT approved\n");
    expect(stdout).toContain("Pushes to branches that match as a whole: ai/.+\n");
    expect(stdout).toContain(
      `  runs: ${join(host.bin, "git")} push {expected_git_url} --no-verify {branch}:refs/heads/{branch}\n`,
    );
    expect(stdout).toContain("    branch: git_branch, 1 to 255 bytes, matching ^[a-zA-Z0-9._/]");
    expect(stdout).toContain("    --limit (integer, 1 to 1000)\n");
    await host.run("config", "allow", "owner_repo");
    expect((await host.run("config", "show", "owner_repo")).stdout).toContain("Project owner_repo: approved\n");
  });

  it("prints the same as JSON, and names operations that are not allowed", async () => {
    const host = new Host();
    await host.run("config", "init", "--repo=owner/repo", `--repo-path=${host.checkout}`, "--template=local_demo");
    const shown = (await host.json("config", "show", "owner_repo")) as {
      operations: { id: string; allowed: boolean }[];
    };
    expect(shown).toMatchObject({
      project: "owner_repo",
      approval: "not_allowed",
      repos: [{ name: "owner/repo", host: "github.com" }],
    });
    expect(shown.operations.filter((operation) => !operation.allowed).map((operation) => operation.id)).toEqual([
      "git_push_main",
    ]);
    expect((await host.run("config", "show", "owner_repo")).stdout).toContain(
      "Defined, but not allowed: git_push_main\n",
    );
  });

  it("fails for a project that does not exist", async () => {
    expect(await new Host().run("config", "show", "nothing")).toMatchObject({ exit: 1, stdout: "" });
  });
});

describe("projects", () => {
  it("says where it looked when there are none", async () => {
    const host = new Host();
    expect(await host.run("projects")).toEqual({
      exit: 0,
      stdout: `No projects configured.\nDirectory: ${join(host.base, "projects")}\n`,
      stderr: "",
    });
  });

  it("lists real directories with a configuration, sorted, whether or not it is valid", async () => {
    const host = new Host();
    writeFileSync(host.project("b", {}), "not json");
    host.project("a", smallConfig(host.checkout));
    await host.run("config", "allow", "a");
    mkdirSync(join(host.base, "projects", "empty"));
    symlinkSync(join(host.base, "projects", "a"), join(host.base, "projects", "link"));
    expect((await host.run("projects")).stdout).toBe("Configured projects:\n  a (allowed)\n  b (not allowed)\n");
    expect(await host.json("projects")).toMatchObject({
      projects: [
        { id: "a", allowed: true },
        { id: "b", allowed: false, approval: "not_allowed" },
      ],
    });
  });

  it("fails when there is no base directory to look in", async () => {
    const host = new Host();
    host.environment = {};
    expect(await host.run("projects")).toMatchObject({ exit: 1, stdout: "" });
  });
});

describe("templates", () => {
  it("are listed by name, sorted", async () => {
    expect((await new Host().run("templates")).stdout).toBe(
      "Available templates:\n  aws_selected\n  git_github_write\n  git_write\n  github_write\n  local_demo\n  readonly\nFor a machine of a fleet (cmd2host agent init):\n  fleet_ops\n  fleet_readonly\n  fleet_shell\n",
    );
    expect(await new Host().json("templates")).toEqual({
      templates: ["aws_selected", "git_github_write", "git_write", "github_write", "local_demo", "readonly"],
      machine_templates: ["fleet_ops", "fleet_readonly", "fleet_shell"],
    });
  });

  it("are shown as they are, with the placeholder of the repository", async () => {
    const { exit, stdout } = await new Host().run("templates", "show", "readonly");
    expect(exit).toBe(0);
    expect(stdout).toContain("OWNER/REPO");
    expect(stdout.endsWith("}\n\n")).toBe(true);
    expect(await new Host().json("templates", "show", "readonly")).toMatchObject({
      name: "readonly",
      template: { repos: ["OWNER/REPO"] },
    });
  });

  it.each(["nope", "../package", "readonly.cases", ""])("fails for %j and names it", async (name) => {
    const { exit, stderr } = await new Host().run("templates", "show", name);
    expect(exit).toBe(1);
    expect(stderr).toContain(`failed to read template ${JSON.stringify(name)}`);
    expect(stderr).toContain("readonly");
  });
});

describe("suggest-submodules", () => {
  it("prints options that can be pasted, in the order of the file", async () => {
    const host = new Host();
    writeFileSync(
      join(host.checkout, ".gitmodules"),
      '[submodule "b"]\n\tpath = libs/b\n\turl = git@github.com:o/b.git\n# note\n\n[submodule "a"]\n\tpath = a b\n\turl = https://github.com/o/a\n[submodule "f"]\n\tpath = f\n\turl = file:///x\n',
    );
    const { exit, stdout } = await host.run("suggest-submodules", "--repo-root=checkout");
    expect(exit).toBe(0);
    expect(stdout).toContain("  --repo=o/b --repo-path=libs/b\n  --repo=o/a --repo-path='a b'\n");
    expect(stdout).not.toContain("file:");
  });

  it("leaves out paths outside the checkout, and quotes what a shell would read", async () => {
    const host = new Host();
    writeFileSync(
      join(host.checkout, ".gitmodules"),
      '[submodule "x"]\npath = ../../etc\nurl = git@h:o/x\n[submodule "y"]\npath = $(id)\'`\nurl = git@h:o/y\n',
    );
    const { stdout, stderr } = await host.run("suggest-submodules", "--repo-root", host.checkout);
    expect(stdout).toContain("--repo=o/y --repo-path='$(id)'\\''`'\n");
    expect(stdout).not.toContain("o/x");
    expect(stderr).toContain("leaves the checkout: ../../etc");
  });

  it("finds nothing where there is no file", async () => {
    const host = new Host();
    expect(await host.run("suggest-submodules")).toEqual({
      exit: 0,
      stdout: `No submodules found in ${host.root}.\n`,
      stderr: "",
    });
  });

  it("does not follow a link", async () => {
    const host = new Host();
    writeFileSync(join(host.root, "elsewhere"), '[submodule "b"]\npath = b\nurl = git@github.com:o/b\n');
    symlinkSync(join(host.root, "elsewhere"), join(host.checkout, ".gitmodules"));
    const { exit, stderr } = await host.run("suggest-submodules", "--repo-root", host.checkout);
    expect(exit).toBe(1);
    expect(stderr).toContain("is a link");
  });
});

describe("the canonical form", () => {
  it("is what every bundled template is written in", async () => {
    const host = new Host();
    for (const name of listTemplates(templatesDirectory())) {
      const { stdout } = await host.run("templates", "show", name);
      const text = stdout.slice(0, -1);
      expect(canonicalText(JSON.parse(text) as object)).toBe(text);
    }
  });
});
