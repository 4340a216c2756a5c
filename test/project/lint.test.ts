import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandFinder } from "../../host/cli/find-command.ts";
import { lintConfig, type Finding } from "../../host/project/lint.ts";
import { whyUnanchored } from "../../host/project/lint/patterns.ts";
import { temporaryDirectory } from "../cli/harness.ts";

/** A host with a checkout and the given programs on its PATH. */
class Place {
  readonly root = temporaryDirectory();
  readonly checkout = join(this.root, "checkout");
  readonly bin = join(this.root, "bin");

  constructor(...programs: readonly string[]) {
    mkdirSync(join(this.checkout, ".git"), { recursive: true });
    mkdirSync(this.bin);
    for (const name of ["git", "gh", "aws", "echo", ...programs]) this.program(join(this.bin, name));
  }

  program(path: string, mode = 0o755): string {
    writeFileSync(path, "#!/bin/sh\n");
    chmodSync(path, mode);
    return path;
  }

  lint(config: object): readonly Finding[] {
    const bytes = Buffer.from(
      JSON.stringify(
        { repos: ["owner/repo"], repo_paths: [this.checkout], allowed_operations: ["op"], ...config },
        null,
        1,
      ),
    );
    return lintConfig("p", bytes, "config.json", commandFinder({ PATH: this.bin }));
  }

  /** Findings for a project whose one operation is `operation`; its program is named in full when it is on PATH. */
  operation(operation: Record<string, unknown>, more: object = {}): readonly Finding[] {
    const command =
      typeof operation["command"] === "string" && !operation["command"].includes("/")
        ? join(this.bin, operation["command"])
        : operation["command"];
    return this.lint({ operations: { op: { ...operation, ...(command === undefined ? {} : { command }) } }, ...more });
  }
}

const brief = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ severity, rule, pointer }) => `${severity} ${rule} ${pointer}`);
const ECHO = { command: "echo", args_template: ["hello"] };

describe("a project without a fault", () => {
  it("has no findings", () => {
    expect(new Place().operation(ECHO)).toEqual([]);
  });
});

describe("a configuration that does not load", () => {
  it("is one error with the line and pointer of the fault", () => {
    expect(new Place().lint({ operations: { op: { params: { x: { pattern: "(?=a)" } } } } })).toMatchObject([
      {
        severity: "error",
        rule: "config_invalid",
        pointer: "/operations/op/params/x/pattern",
        line: 15,
        message: expect.stringContaining("is not RE2") as unknown,
      },
    ]);
    expect(lintConfig("p", Buffer.from("{\n\n"), "f", () => "")).toMatchObject([{ rule: "config_invalid", line: 3 }]);
  });

  it("because a placeholder has no schema is such an error", () => {
    expect(brief(new Place().operation({ command: "echo", args_template: ["{x}"] }))).toEqual([
      "error config_invalid /operations/op/args_template/0",
    ]);
  });
});

describe("patterns", () => {
  it.each([
    "^a$",
    "^(?:a|b)$",
    "(?i)^a$",
    "\\Aa\\z",
    "^[$^|]$",
    "^\\|$",
    "^(a|(b|c))$",
    "\\S",
    "^a{1,2}$",
    "(?s:^.*$)",
  ])("%s is anchored, or says only that a value is not blank", (source) => {
    expect(whyUnanchored(source)).toBeUndefined();
  });

  it.each([
    ["a", "anywhere"],
    ["^a", "anything may follow"],
    ["a$", "anything may stand before"],
    ["^a|b$", "alternatives are not grouped"],
    ["^a\\$", "anything may follow"],
    ["[^a]$", "anything may stand before"],
    ["(^a$)", "anywhere"],
    ["(?m)^a$", "every line"],
  ])("%s is not: %s", (source, why) => {
    expect(whyUnanchored(source)).toContain(why);
  });

  it("of parameters and flags are warned about with the anchored form", () => {
    const findings = new Place().operation({
      command: "echo",
      args_template: ["{x}"],
      params: { x: { type: "string", pattern: "a|b" } },
      allowed_flags: [{ flag: "--y", pattern: "^z" }],
    });
    expect(brief(findings)).toEqual([
      "warning pattern_unanchored /operations/op/params/x/pattern",
      "warning pattern_unanchored /operations/op/allowed_flags/0/pattern",
    ]);
    expect(findings[0]?.fix).toContain('"^(?:a|b)$"');
  });

  it.each([
    ["^ai/", "branch_allow_search", "ai/.+"],
    ["^release-", "branch_allow_search", "release-.+"],
    [".*", "branch_allow_everything", "ai/.+"],
    ["^.+$", "branch_allow_everything", "ai/.+"],
  ])("of branches: %s is %s", (source, rule, fix) => {
    const findings = new Place().operation(ECHO, { constraints: { branch_allow: [source] } });
    expect(brief(findings)).toEqual([`warning ${rule} /constraints/branch_allow/0`]);
    expect(findings[0]?.fix).toContain(fix);
  });

  it.each(["ai/.+", "^ai/.+$", "^ai/.*", "main", "(?:ai|bot)/.+"])("of branches: %s is fine", (source) => {
    expect(new Place().operation(ECHO, { constraints: { branch_allow: [source] } })).toEqual([]);
  });
});

describe("parameters", () => {
  const param = (schema: object, args: readonly string[] = ["{x}"]): readonly string[] =>
    brief(new Place().operation({ command: "echo", args_template: args, params: { x: schema } }));

  it.each([
    ["without a type", { maxLength: 5 }, ["error param_type /operations/op/params/x"]],
    ["of an unknown type", { type: "text" }, ["error param_type /operations/op/params/x/type"]],
    [
      "with elements that are no strings",
      { type: "array", items: { type: "integer" }, maxLength: 5 },
      ["warning param_items /operations/op/params/x/items/type"],
    ],
    ["that accept anything", { type: "string" }, ["warning param_wild /operations/op/params/x"]],
    [
      "with a pattern that accepts anything",
      { type: "string", pattern: "(?s)^.*$" },
      ["warning param_wild /operations/op/params/x"],
    ],
    ["with limits that cross", { type: "integer", min: 5, max: 4 }, ["error param_limits /operations/op/params/x"]],
    [
      "that may begin with a dash",
      { type: "string", maxLength: 5, allow_leading_dash: true },
      ["error param_option /operations/op/params/x/allow_leading_dash"],
    ],
    ["with an enum", { type: "string", enum: ["a"] }, []],
    ["with a greatest length", { type: "string", maxLength: 5 }, []],
  ])("%s", (_what, schema, expected) => {
    expect(param(schema)).toEqual(expected);
  });

  it.each([[["--", "{x}"]], [["--end-of-options", "{x}"]], [["--body", "{x}"]], [["body={x}"]]])(
    "may begin with a dash in %j",
    (args) => {
      expect(param({ type: "string", maxLength: 5, allow_leading_dash: true }, args)).toEqual([]);
    },
  );

  it("that are not used, or are always something else, are warned about", () => {
    const findings = new Place().operation({
      command: "echo",
      args_template: ["{repo}"],
      params: { y: { type: "integer" }, repo: { type: "integer" } },
    });
    expect(brief(findings)).toEqual([
      "warning param_unused /operations/op/params/y",
      "warning param_shadowed /operations/op/params/repo",
    ]);
  });

  it("that hide an env entry are warned about", () => {
    const findings = new Place().operation(
      { command: "echo", args_template: ["{n}"], params: { n: { type: "integer" } } },
      { env: { n: "1" } },
    );
    expect(brief(findings)).toEqual(["warning env_shadowed /operations/op/params/n"]);
  });
});

describe("operations of a fleet", () => {
  const params = { machine: { type: "enum", enum: ["web1"] }, unit: { type: "string", pattern: "^[a-z]+$" } };

  it("need no command: the machine's policy has one", () => {
    const fleet = { target: "{machine}", operation: "service_restart", params: { unit: "{unit}" } };
    expect(brief(new Place().operation({ params, fleet }))).toEqual([]);
  });

  it("are warned about parameters that nothing is made of", () => {
    const fleet = { target: "web1", operation: "uptime" };
    const findings = new Place().operation({ params, fleet });
    expect(brief(findings)).toEqual([
      "warning param_unused /operations/op/params/machine",
      "warning param_unused /operations/op/params/unit",
    ]);
    expect(findings[0]).toMatchObject({ message: "param machine does not occur in fleet" });
  });
});

describe("commands", () => {
  it.each([
    ["are missing", undefined, "error command_missing /operations/op"],
    ["are not there", "/nowhere/prog", "error command_not_found /operations/op/command"],
    ["climb", "/usr/../bin/true", "error command_not_found /operations/op/command"],
    ["are options", "-x/y", "error command_not_found /operations/op/command"],
  ])("that %s are errors", (_what, command, expected) => {
    const operation = { args_template: ["x"], ...(command === undefined ? {} : { command }) };
    expect(brief(new Place().operation(operation))).toEqual([expected]);
  });

  it("that are not named in full are warned about, with the full path", () => {
    const place = new Place();
    const findings = place.lint({ operations: { op: { command: "echo", args_template: [] } } });
    expect(brief(findings)).toEqual(["warning command_relative /operations/op/command"]);
    expect(findings[0]?.fix).toContain(join(place.bin, "echo"));
  });

  it("inside the checkout are errors, since the container can write them", () => {
    const place = new Place();
    expect(brief(place.operation({ command: place.program(join(place.checkout, "tool")) }))).toEqual([
      "error command_untrusted /operations/op/command",
    ]);
  });

  it("that others can write are errors", () => {
    const place = new Place();
    expect(brief(place.operation({ command: place.program(join(place.root, "tool"), 0o777) }))).toEqual([
      "error command_untrusted /operations/op/command",
    ]);
  });

  it.each(["sh", "bash", "python3", "python3.11", "node", "env", "xargs", "awk", "docker", "kubectl", "ssh", "perl"])(
    "%s is an error when the caller has a say, and a warning otherwise",
    (name) => {
      const place = new Place(name);
      const dangerous = (operation: object): readonly string[] =>
        brief(place.operation({ command: name, ...operation })).filter((line) => line.includes("command_dangerous"));
      expect(dangerous({ args_template: ["{x}"], params: { x: { type: "string", maxLength: 5 } } })).toEqual([
        "error command_dangerous /operations/op/command",
      ]);
      expect(dangerous({ args_template: [], allowed_flags: ["--x"] })).toEqual([
        "error command_dangerous /operations/op/command",
      ]);
      expect(dangerous({ args_template: ["-c", "true"] })).toEqual([
        "warning command_dangerous /operations/op/command",
      ]);
    },
  );

  it.each([
    ["make", ["x"]],
    ["npm", ["x"]],
    ["python3.11", ["x"]],
    ["cargo", ["build"]],
    ["terraform", ["plan"]],
    ["docker-compose", ["ps"]],
    ["pre-commit", ["run"]],
    ["docker", ["compose", "ps"]],
    ["kubectl", ["kustomize", "."]],
    ["kubectl", ["apply", "-k", "."]],
    ["kubectl", ["apply", "--kustomize=."]],
  ])("%s %j is warned about in the workspace, unless the author says where it runs", (name, args) => {
    const place = new Place(name);
    const run = (more: object): readonly string[] =>
      brief(place.operation({ command: name, args_template: args, ...more })).filter((line) => line.includes("run_in"));
    expect(run({})).toEqual(["warning run_in_workspace /operations/op"]);
    expect(run({ run_in: "workspace" })).toEqual([]);
    expect(run({ run_in: "empty" })).toEqual([]);
  });

  it.each([
    ["docker", ["ps"]],
    ["kubectl", ["get", "pods"]],
    ["echo", ["make"]],
    ["makefile-check", ["x"]],
  ])("%s %j reads nothing where it runs", (name, args) => {
    const lines = brief(new Place(name).operation({ command: name, args_template: args }));
    expect(lines.filter((line) => line.includes("run_in"))).toEqual([]);
  });

  it.each(["find", "sort", "tar", "sed", "curl", "jq"])("%s is warned about when the caller has a say", (name) => {
    const place = new Place(name);
    expect(
      brief(
        place.operation({ command: name, args_template: ["{x}"], params: { x: { type: "string", maxLength: 5 } } }),
      ),
    ).toEqual(["warning command_dangerous /operations/op/command"]);
    expect(brief(place.operation({ command: name, args_template: ["x"] }))).toEqual([]);
  });

  it("that keep their login at home are warned about under the minimal profile", () => {
    const place = new Place("gcloud");
    expect(brief(place.operation({ command: "gcloud", args_template: ["x"] }))).toEqual([
      "warning profile_minimal /operations/op",
    ]);
    expect(brief(place.operation({ command: "gcloud", args_template: ["x"], profile: "user" }))).toEqual([]);
  });

  it("with a profile of their own ignore another one", () => {
    expect(brief(new Place().operation({ command: "gh", args_template: ["pr", "list"], profile: "minimal" }))).toEqual([
      "warning profile_ignored /operations/op/profile",
    ]);
  });

  it.each([
    ["gh", ["auth", "token"]],
    ["gh", ["alias", "list"]],
    ["gh", ["extension", "list"]],
    ["git", ["config", "--list"]],
  ])("%s %j is a subcommand to leave out", (command, args) => {
    expect(brief(new Place().operation({ command, args_template: args }))).toEqual([
      "warning subcommand_dangerous /operations/op/args_template",
    ]);
  });
});

describe("a command that asks at a terminal", () => {
  it.each([
    ["aws", ["configure", "list"]],
    ["aws", ["--output", "text", "ecs", "execute-command"]],
    ["gh", ["codespace", "ssh"]],
  ])("%s %j is told", (command, args) => {
    expect(brief(new Place().operation({ command, args_template: args }))).toContain(
      "warning interactive_command /operations/op/args_template",
    );
  });
});

describe("flags that the caller may add", () => {
  const flags = (command: string, args: readonly string[], allowed: readonly unknown[]): readonly string[] =>
    brief(
      new Place().operation(
        { command, args_template: args, allowed_flags: allowed },
        { constraints: { branch_allow: ["ai/.+"] } },
      ),
    ).filter((line) => line.includes("flag_dangerous"));

  const fetch = ["fetch", "{expected_git_url}"];
  const push = ["push", "{expected_git_url}", "HEAD:refs/heads/ai/x"];
  it.each([
    ["git", fetch, "--upload-pack", "error"],
    ["git", fetch, "--upl", "error"],
    ["git", push, "--receive-pack", "error"],
    ["git", push, "--exec", "error"],
    ["git", ["clone", "{expected_git_url}"], "-u", "error"],
    ["git", ["log"], "-c", "error"],
    ["git", ["log"], "--config-env", "error"],
    ["git", ["log"], "--output", "error"],
    ["git", ["grep", "x"], "-O", "error"],
    ["git", ["diff"], "--no-index", "error"],
    ["git", ["commit"], "-F", "error"],
    ["git", ["commit"], "--template", "error"],
    ["git", push, "--mirror", "warning"],
    ["git", push, "--force", "warning"],
    ["git", push, "--delete", "warning"],
    ["gh", ["api", "user"], "-F", "error"],
    ["gh", ["api", "user"], "--input", "error"],
    ["gh", ["api", "user"], "--hostname", "error"],
    ["gh", ["api", "user"], "--jq", "error"],
    ["gh", ["pr", "view", "1"], "--template", "error"],
    ["gh", ["pr", "view", "1"], "-R", "error"],
    ["gh", ["pr", "create"], "--body-file", "error"],
    ["gh", ["api", "user"], "-X", "warning"],
    ["aws", ["s3", "ls"], "--endpoint-url", "error"],
    ["aws", ["s3", "ls"], "--profile", "error"],
    ["aws", ["s3", "ls"], "--debug", "error"],
    ["aws", ["s3", "ls"], "--no-verify-ssl", "error"],
    ["aws", ["s3", "ls"], "--cli-input-json", "error"],
  ])("%s %j: %s is at least a %s", (command, args, flag, severity) => {
    expect(flags(command, args, [flag])).toEqual([`${severity} flag_dangerous /operations/op/allowed_flags/0`]);
    expect(flags(command, args, ["--harmless-one", { flag }])).toEqual([
      `${severity} flag_dangerous /operations/op/allowed_flags/1`,
    ]);
  });

  it.each([
    ["git", ["log"], "--force"],
    ["git", ["log"], "--all"],
    ["git", push, "--no-verify"],
    ["gh", ["pr", "create"], "--head"],
    ["gh", ["pr", "create"], "-t"],
    ["gh", ["pr", "view", "1"], "--json"],
    ["aws", ["s3", "ls"], "--region"],
  ])("%s %j: %s is fine", (command, args, flag) => {
    expect(flags(command, args, [flag])).toEqual([]);
  });

  it("--jq is fine with a pattern that refuses env, and not with one that only looks so", () => {
    expect(flags("gh", ["api", "user"], [{ flag: "--jq", pattern: "^(?:\\.[a-z]+)+$" }])).toEqual([]);
    expect(flags("gh", ["api", "user"], [{ flag: "--jq", enum: [".login"] }])).toEqual([]);
    expect(flags("gh", ["api", "user"], [{ flag: "--jq", pattern: "^[a-z.]+$" }])).toHaveLength(1);
  });
});

describe("options in the template", () => {
  const template = (
    command: string,
    args: readonly string[],
    schema: object = { type: "string", maxLength: 9 },
  ): readonly string[] =>
    brief(
      new Place().operation({
        command,
        args_template: args,
        ...(args.join().includes("{x}") ? { params: { x: schema } } : {}),
      }),
    );

  it.each([
    ["git", ["log", "--output={x}"], 1],
    ["git", ["log", "--output", "{x}"], 1],
    ["git", ["-c", "{x}", "log"], 0],
    ["gh", ["api", "user", "-F", "body={x}"], 2],
    ["gh", ["pr", "comment", "1", "--body-file", "{x}"], 3],
    ["aws", ["s3", "ls", "--endpoint-url={x}"], 2],
  ])("%s %j: a dangerous value that the caller fills in is an error", (command, args, index) => {
    expect(template(command, args)).toContain(`error template_dangerous /operations/op/args_template/${index}`);
  });

  it.each([
    ["git", ["log", "--ext-diff"]],
    ["git", ["-c", "core.pager=x", "log"]],
  ])("%s %j: a fixed one is warned about", (command, args) => {
    expect(template(command, args).filter((line) => line.startsWith("warning template_dangerous"))).toHaveLength(1);
  });

  it.each([
    ["gh", ["pr", "comment", "1", "-R", "{repo}", "--body", "{x}"]],
    ["gh", ["api", "-X", "POST", "repos/{repo}/x", "-f", "body={x}"]],
    ["aws", ["s3", "ls", "--profile", "readonly"]],
  ])("%s %j is fine", (command, args) => {
    expect(template(command, args)).toEqual([]);
  });

  it.each(["ext::sh -c x", "fd::3"])("%s is a transport that runs a program", (transport) => {
    expect(template("git", ["remote-x", transport])).toContain(
      "error template_dangerous /operations/op/args_template/1",
    );
  });

  it.each([
    ["{x}", { type: "string", maxLength: 99 }, 1],
    ["repos/{repo}/{x}", { type: "string", pattern: "^[a-z./]+$" }, 1],
    ["repos/{repo}/{x}", { type: "string", pattern: "^[a-z]+$" }, 0],
    ["repos/{repo}/{x}", { type: "integer" }, 0],
  ])("the path %s of gh api with %j", (path, schema, count) => {
    expect(
      template("gh", ["api", path], schema).filter((line) => line === "error api_path /operations/op/args_template/1"),
    ).toHaveLength(count);
  });
});

describe("operations that push", () => {
  const push = { command: "git", args_template: ["push", "{expected_git_url}", "HEAD:refs/heads/ai/x"] };

  it("need branch_allow", () => {
    expect(brief(new Place().operation(push))).toEqual(["error branch_allow_missing /operations/op"]);
    expect(brief(new Place().operation(push, { constraints: { branch_allow: ["ai/.+"] } }))).toEqual([]);
  });

  it("and are only defined do not", () => {
    expect(brief(new Place().operation(push, { allowed_operations: [] }))).toEqual([
      "warning nothing_allowed /allowed_operations",
    ]);
  });

  it.each([[["{x}"]], [["subtree", "push"]], [["http-push", "{expected_git_url}"]]])("are also %j", (args) => {
    const findings = new Place().operation({
      command: "git",
      args_template: args,
      params: { x: { type: "string", maxLength: 5 } },
    });
    expect(brief(findings)).toContain("error branch_allow_missing /operations/op");
  });

  it.each([
    [["push", "origin", "HEAD:refs/heads/ai/x"]],
    [["fetch", "--prune", "{expected_git_url}"]],
    [["-C", ".", "fetch", "{expected_git_url}"]],
  ])("or fetch need the project's URL in its place: %j", (args) => {
    expect(
      brief(
        new Place().operation({ command: "git", args_template: args }, { constraints: { branch_allow: ["ai/.+"] } }),
      ),
    ).toContain("error git_url_contract /operations/op/args_template");
  });
});

describe("git subcommands that connect by themselves", () => {
  const remote = (...args: readonly string[]): readonly string[] =>
    brief(
      new Place().operation({ command: "git", args_template: args }, { constraints: { branch_allow: ["ai/.+"] } }),
    ).filter((line) => /git_(?:remote_refused|url_contract)/.test(line));

  it.each([
    [["clone", "{expected_git_url}"]],
    [["pull", "{expected_git_url}"]],
    [["pull"]],
    [["send-pack", "{expected_git_url}"]],
    [["fetch-pack", "x"]],
    [["http-push", "x"]],
    [["http-fetch", "x"]],
    [["remote", "update"]],
    [["remote", "-v", "update"]],
    [["submodule", "update", "--init"]],
    [["lfs", "push", "origin"]],
    [["subtree", "push", "--prefix=x"]],
    [["svn", "fetch"]],
    [["-C", ".", "pull"]],
  ])("%j is refused when it is called", (args) => {
    expect(remote(...args)).toEqual(["error git_remote_refused /operations/op/args_template"]);
  });

  it.each([
    [["push", "{expected_git_url}", "HEAD:refs/heads/ai/x"]],
    [["fetch", "{expected_git_url}"]],
    [["ls-remote", "{expected_git_url}"]],
    [["remote", "-v"]],
    [["submodule", "status"]],
    [["status"]],
  ])("%j is not", (args) => {
    expect(remote(...args)).toEqual([]);
  });

  it("are found in programs of git's own, with what to do instead", () => {
    const [finding] = new Place("git-lfs")
      .operation({ command: "git-lfs", args_template: ["pull"] })
      .filter(({ rule }) => rule === "git_remote_refused");
    expect(finding?.fix).toContain("inside the container");
    const [pull] = new Place().operation({ command: "git", args_template: ["pull"] });
    expect(pull?.message).toContain("only git push, git fetch and git ls-remote run");
    expect(pull?.fix).toContain("merge inside the container");
  });
});

describe("free text where options are read", () => {
  const open = (command: string, args: readonly string[], schema: object, more: object = {}): readonly string[] =>
    brief(new Place().operation({ command, args_template: args, params: { x: schema }, ...more })).filter((line) =>
      /options_open|flags_closed/.test(line),
    );
  const text = { type: "string", maxLength: 9 };

  it.each([
    ["git", ["log", "{x}"], text],
    ["git", ["show", "--stat", "--no-ext-diff=x", "{x}"], text],
    ["git", ["diff", "{x}"], { type: "paths", maxLength: 9 }],
    ["git", ["diff", "{x}"], { type: "path", maxLength: 9 }],
    ["git", ["diff", "{x}"], { type: "array", maxLength: 9 }],
    ["git", ["diff", "{x}..HEAD"], text],
    ["git", ["log", "{x}"], { type: "string", pattern: "^[a-z-]+$" }],
    ["gh", ["pr", "view", "{x}"], text],
    ["gh", ["api", "{x}"], { type: "string", pattern: "^--?[a-z]+$" }],
  ])("%s %j is warned about", (command, args, schema) => {
    expect(open(command, args, schema)).toEqual([
      `warning options_open /operations/op/args_template/${args.findIndex((word) => word.includes("{x}"))}`,
    ]);
  });

  it.each([
    ["git", ["log", "--end-of-options", "{x}"], text],
    ["git", ["diff", "--", "{x}"], { type: "paths", maxLength: 9 }],
    ["git", ["log", "--author", "{x}"], text],
    ["git", ["log", "--author={x}"], text],
    ["git", ["log", "{x}"], { type: "git_ref" }],
    ["git", ["log", "{x}"], { type: "git_branch" }],
    ["git", ["log", "{x}"], { type: "enum", enum: ["a"] }],
    ["git", ["log", "{x}"], { type: "string", enum: ["a"] }],
    ["git", ["log", "{x}"], { type: "string", pattern: "^[a-z]+$" }],
    ["git", ["log", "-n", "{x}"], { type: "integer" }],
    ["gh", ["pr", "view", "{x}"], { type: "integer" }],
    ["gh", ["pr", "view", "--", "{x}"], text],
    ["echo", ["{x}"], text],
    ["git", ["log", "{repo}"], text],
  ])("%s %j is fine", (command, args, schema) => {
    expect(open(command, args, schema)).toEqual([]);
  });

  it("is told what to do, which differs when the caller may add flags", () => {
    const fix = (more: object): string =>
      new Place()
        .operation({ command: "git", args_template: ["log", "{x}"], params: { x: text }, ...more })
        .find(({ rule }) => rule === "options_open")?.fix ?? "";
    expect(fix({})).toContain("Put --end-of-options, or -- before a path, before it");
    expect(fix({ allowed_flags: ["--oneline"] })).toContain("the options cannot be closed before it");
    expect(fix({ allowed_flags: ["--oneline"] })).not.toContain("Put --end-of-options");
  });

  it("is not closed where the caller's flags would come behind it", () => {
    const flags = { allowed_flags: ["--oneline"] };
    expect(open("git", ["log", "--end-of-options", "{x}"], text, flags)).toEqual([
      "warning flags_closed /operations/op/args_template/1",
    ]);
    expect(open("npm", ["test", "--", "{x}"], text, flags)).toEqual([]);
  });
});

describe("rules for values", () => {
  const found = (params: object, flags: readonly object[] = []): readonly string[] =>
    brief(
      new Place().operation({
        command: "echo",
        args_template: Object.keys(params).map((name) => `{${name}}`),
        params,
        allowed_flags: flags,
      }),
    );

  it("that belong to another type are warned about", () => {
    expect(
      found({ x: { type: "integer", direction: "input", max_bytes: 5, schemes: ["http"], hosts: ["a"] } }, [
        { flag: "--f", hosts: ["a"] },
      ]),
    ).toEqual([
      "warning member_of_other_type /operations/op/params/x/direction",
      "warning member_of_other_type /operations/op/params/x/max_bytes",
      "warning member_of_other_type /operations/op/params/x/schemes",
      "warning member_of_other_type /operations/op/params/x/hosts",
      "warning member_of_other_type /operations/op/allowed_flags/0/hosts",
    ]);
    expect(found({ x: { type: "workspace_path", direction: "input", max_bytes: 5, maxLength: 9 } })).toEqual([]);
  });

  it("that refuse what enum lists are warned about", () => {
    expect(
      found({ x: { type: "git_branch", enum: ["main", "HEAD", "-x"] }, y: { type: "integer", enum: ["1"] } }, [
        { flag: "--f", enum: ["a", "b"], pattern: "^a$" },
      ]),
    ).toEqual([
      "warning choice_refused /operations/op/params/x/enum/1",
      "warning choice_refused /operations/op/params/x/enum/2",
      "warning choice_refused /operations/op/allowed_flags/0/enum/1",
    ]);
    expect(found({ x: { type: "enum", enum: ["-x", "y"] } })).toEqual([]);
  });

  it("that let a URL name any host are warned about", () => {
    expect(found({ x: { type: "url" } }, ["--plain", { flag: "--u", type: "url" }].slice(1) as object[])).toEqual([
      "warning url_any_host /operations/op/params/x",
      "warning url_any_host /operations/op/allowed_flags/0",
    ]);
    expect(found({ x: { type: "url", hosts: ["a.example"] }, y: { type: "url", enum: ["https://a/"] } })).toEqual([]);
    expect(found({ x: { type: "url", pattern: "^https://a/" + ".*$" } })).toEqual([]);
  });

  it("of a form of their own need no pattern", () => {
    expect(
      found({
        a: { type: "git_ref" },
        b: { type: "git_branch" },
        c: { type: "owner_repo" },
        d: { type: "number" },
        e: { type: "enum", enum: ["x"] },
      }),
    ).toEqual([]);
  });

  it.each([
    ["owner_repo", []],
    ["git_branch", ["error api_path /operations/op/args_template/1"]],
  ])("in the path of gh api: %s", (type, expected) => {
    const findings = new Place().operation({
      command: "gh",
      args_template: ["api", "repos/{x}/pulls"],
      params: { x: { type } },
    });
    expect(brief(findings)).toEqual(expected);
  });
});

describe("lists", () => {
  it("name operations twice, or none", () => {
    expect(brief(new Place().operation(ECHO, { allowed_operations: ["op", "op"] }))).toEqual([
      "warning allowed_twice /allowed_operations/1",
    ]);
    expect(brief(new Place().operation(ECHO, { allowed_operations: [] }))).toEqual([
      "warning nothing_allowed /allowed_operations",
    ]);
  });

  it.each(["Op", "my-op", "1op", "op/x", "o".repeat(65), "op\u202e"])(
    "hold the operation %j, which no request can name",
    (id) => {
      const place = new Place();
      const findings = place.lint({
        allowed_operations: [id],
        operations: { [id]: { command: join(place.bin, "echo"), args_template: [] } },
      });
      expect(findings.map((finding) => `${finding.severity} ${finding.rule}`)).toEqual(["error operation_id"]);
      expect(findings[0]?.message).not.toContain("\u202e");
    },
  );

  it("of flags are compared with each other", () => {
    const findings = new Place().operation({
      ...ECHO,
      allowed_flags: ["--a", "--a", "-", "b", "--c=1"],
      bool_flags: ["--a", "--x"],
      multi_value_flags: ["--y", "--a"],
    });
    expect(new Set(brief(findings))).toEqual(
      new Set([
        "warning flag_twice /operations/op/allowed_flags/1",
        "error flag_form /operations/op/allowed_flags/2",
        "error flag_form /operations/op/allowed_flags/3",
        "error flag_form /operations/op/allowed_flags/4",
        "warning flag_not_listed /operations/op/bool_flags/1",
        "warning flag_not_listed /operations/op/multi_value_flags/0",
        "warning flag_both /operations/op/multi_value_flags/1",
      ]),
    );
  });

  it("of globs are looked at one by one", () => {
    const findings = new Place().operation(ECHO, {
      constraints: { path_deny: ["[", "/etc/**", ".env*", "**/*.pem", ".github/**"] },
    });
    expect(brief(findings)).toEqual([
      "error glob_malformed /constraints/path_deny/0",
      "warning glob_absolute /constraints/path_deny/1",
      "warning glob_root_only /constraints/path_deny/2",
    ]);
  });

  it("of hosts hold bare names only", () => {
    const hosts = ["github.com", "https://github.com", "git hub", "user@host", "host:22", "-oProxyCommand=x", ""];
    expect(brief(new Place().operation(ECHO, { constraints: { remote_hosts_allow: hosts } }))).toEqual(
      [1, 2, 3, 4, 5, 6].map((index) => `error host_form /constraints/remote_hosts_allow/${index}`),
    );
  });
});

describe("everything else", () => {
  it("that is not known is warned about, with what was probably meant", () => {
    const place = new Place();
    const findings = place.lint({
      constrains: {},
      operations: {
        op: {
          command: join(place.bin, "echo"),
          args_templates: [],
          mutates_branch: true,
          params: {},
          allowed_flags: [{ flag: "--a", patern: "x" }],
        },
      },
      "//": "note",
    });
    expect(findings.map(({ pointer, fix }) => [pointer, fix])).toEqual([
      ["/constrains", "Did you mean constraints?"],
      ["/operations/op/args_templates", "Did you mean args_template?"],
      ["/operations/op/mutates_branch", "Remove it, if it is not a note."],
      ["/operations/op/allowed_flags/0/patern", "Did you mean pattern?"],
      ["/~1~1", "Remove it, if it is not a note."],
    ]);
    expect(findings.every((finding) => finding.severity === "warning" && finding.rule === "member_unknown")).toBe(true);
  });

  it("in the environment that can redirect programs, does nothing, or is a secret, is warned about", () => {
    const findings = new Place().operation(ECHO, {
      env: { PATH: "/x", GH_TOKEN: "x", PLAIN: "x" },
      env_unsafe: ["PATH", "GIT_SSH", "PLAIN"],
    });
    expect(new Set(brief(findings))).toEqual(
      new Set([
        "warning env_unsafe /env_unsafe/0",
        "warning env_unsafe_idle /env_unsafe/1",
        "warning env_unsafe_idle /env_unsafe/2",
        "warning env_secret /env/GH_TOKEN",
      ]),
    );
  });

  it("in the git configuration that names programs is warned about", () => {
    expect(
      brief(
        new Place().operation(ECHO, {
          git_config: { "user.name": "x", "core.sshCommand": "x", "url.x.insteadOf": "y" },
        }),
      ),
    ).toEqual([
      "warning git_config_dangerous /git_config/core.sshCommand",
      "warning git_config_dangerous /git_config/url.x.insteadOf",
    ]);
  });

  it("about repositories: placeholders, and paths that are no checkout", () => {
    const place = new Place();
    const operations = { op: { command: join(place.bin, "echo"), args_template: [] } };
    expect(
      brief(
        place.lint({
          repos: ["OWNER/REPO", "a/b"],
          repo_paths: ["/path/to/repo", join(place.root, "other")],
          operations,
        }),
      ),
    ).toEqual([
      "warning repo_placeholder /repos/0",
      "warning repo_placeholder /repo_paths/0",
      "warning repo_path /repo_paths/1",
    ]);
  });
});

describe("the order and severity of findings", () => {
  it("is errors first, then by line", () => {
    const place = new Place();
    const findings = place.lint({
      operations: {
        op: { command: join(place.bin, "echo"), args_template: [], params: { x: { type: "nope" } } },
        extra: {},
      },
      zzz: 1,
    });
    expect(findings.map((finding) => finding.severity)).toEqual(["error", "warning", "warning", "warning"]);
    const lines = findings.slice(1).map((finding) => finding.line);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
  });

  it("is never more than a warning for an operation that may not run", () => {
    const findings = new Place().operation(
      { command: "/nowhere/x", args_template: ["{x}"], params: { x: {} } },
      { allowed_operations: [] },
    );
    expect(findings.length).toBeGreaterThan(1);
    expect(findings.filter((finding) => finding.severity === "error")).toEqual([]);
  });
});

describe("a question to a person", () => {
  const params = { size: { type: "enum", enum: ["small", "large"] } };
  const echo = {
    ...ECHO,
    args_template: ["{size}"],
    params,
    allowed_flags: ["--all", "--name"],
    bool_flags: ["--all"],
  };
  const when = (condition: object, changes: object = {}): readonly string[] =>
    brief(new Place().operation({ ...echo, ...changes, approval: { when: [condition] } }));

  it("is missed where something is marked destructive", () => {
    const annotations = { destructive: true };
    expect(brief(new Place().operation({ ...ECHO, annotations }))).toEqual([
      "warning destructive_unasked /operations/op/annotations/destructive",
    ]);
    expect(brief(new Place().operation({ ...ECHO, annotations, approval: "ask" }))).toEqual([]);
    expect(brief(new Place().operation({ ...ECHO, annotations: { destructive: false } }))).toEqual([]);
  });

  it.each([[{ param: "size", pattern: "^huge$" }], [{ param: "size", unless: "small|large" }]])(
    "that no value can fulfil is an error: %j",
    (condition) => {
      expect(when(condition)).toEqual(["error approval_never_asks /operations/op/approval/when/0"]);
    },
  );

  it.each([
    [{ param: "size", pattern: "^large$" }],
    [{ param: "size", unless: "small" }],
    [{ param: "size" }],
    [{ flag: "--all" }],
    [{ flag: "--name", pattern: "x" }],
  ])("that can be fulfilled is none: %j", (condition) => {
    expect(when(condition)).toEqual([]);
  });

  it("about a parameter that may be left out is asked then", () => {
    const optional = { params: { size: { ...params.size, optional: true } } };
    expect(when({ param: "size", unless: "small|large" }, optional)).toEqual([]);
  });
});
