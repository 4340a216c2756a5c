import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { compileProject, mayPush, type LoadedProject } from "../../host/project/compile.ts";
import { sha256Hex } from "../../host/util/hash.ts";
import { operationOf } from "../operation/policy.ts";

function load(config: object | string): LoadedProject {
  const text =
    typeof config === "string"
      ? config
      : JSON.stringify({ repos: ["owner/repo"], repo_paths: ["/repos/one"], ...config });
  return compileProject("id", Buffer.from(text), "config.json");
}

describe("a configuration", () => {
  it("makes a project that is bound to the hash of its bytes", () => {
    const text = '{"repos":["o/r"],"repo_paths":["/x"]}';
    const { project } = load(text);
    expect(project.id).toBe("id");
    expect(project.configHash).toBe(sha256Hex(Buffer.from(text)));
    expect(load(`${text}\n`).project.configHash).not.toBe(project.configHash);
  });

  it("that has only a repository allows nothing", () => {
    const { project, unknown } = load({});
    expect(project).toMatchObject({ allowed: [], branchAllow: [], pathDeny: [] });
    expect([project.operations.size, project.env.size, project.gitConfig.size]).toEqual([0, 0, 0]);
    expect(unknown).toEqual([]);
  });

  it("has absolute paths without dots, doubled or trailing slashes", () => {
    const { project } = load({
      repos: ["a/a", "b/b", "c/c", "d/d"],
      repo_paths: ["rel/x", "/a/../b//c/", "~/x", "/e/."],
    });
    expect(project.repos.map(({ path }) => path)).toEqual([resolve("rel/x"), "/b/c", resolve("~/x"), "/e"]);
  });

  it("may have the older form with one repository", () => {
    const { project } = load('{"repo":"owner/repo","repo_path":"/x/"}');
    expect(project.repos).toEqual([{ name: "owner/repo", path: "/x", host: "github.com" }]);
  });

  it("may have repositories that differ only in case", () => {
    expect(load({ repos: ["a/b", "A/b"], repo_paths: ["/a", "/b"] }).project.repos).toHaveLength(2);
  });

  it("may write its members in any case, and null for what is not set", () => {
    const { project, unknown } = load(
      '{"Repos":["o/r"],"REPO_PATHS":["/x"],"env":null,"operations":{"op":{"Command":"x","params":null}},"constraints":null}',
    );
    expect(project.operations.get("op")?.command).toBe("x");
    expect(unknown).toEqual([]);
  });

  it("reports members that it does not know, and loads", () => {
    const { unknown, config } = load({
      extra: 1,
      operations: { op: { command: "x", timeoutt: 5, params: { p: { type: "string", regex: "x" } } } },
      constraints: { path_denny: [] },
    });
    expect(unknown).toEqual([
      "/extra",
      "/operations/op/timeoutt",
      "/operations/op/params/p/regex",
      "/constraints/path_denny",
    ]);
    expect(config).toHaveProperty("extra", 1);
  });

  it("has each allowed operation once, in its order", () => {
    const operations = { a: {}, b: {}, c: {} };
    expect(load({ operations, allowed_operations: ["c", "a", "c", "a"] }).project.allowed).toEqual(["c", "a"]);
    expect([...load({ operations }).project.operations.keys()]).toEqual(["a", "b", "c"]);
  });

  it("keeps malformed globs, which deny when they are met", () => {
    const { pathDeny } = load({ constraints: { path_deny: ["[", "a"] } }).project;
    expect(pathDeny.map(({ source, compiled }) => [source, compiled.ok])).toEqual([
      ["[", false],
      ["a", true],
    ]);
  });

  it("may have variables that are unsafe when it names them", () => {
    const { env } = load({ env: { PATH: "/x", GH_TOKEN: "t", A: "" }, env_unsafe: ["PATH"] }).project;
    expect([...env]).toEqual([
      ["PATH", "/x"],
      ["GH_TOKEN", "t"],
      ["A", ""],
    ]);
  });

  it("may name unsafe variables that it does not set", () => {
    expect(load({ env_unsafe: ["PATH"] }).project.env.size).toBe(0);
  });

  it("has git configuration as it is", () => {
    expect([...load({ git_config: { "user.name": "x'y" } }).project.gitConfig]).toEqual([["user.name", "x'y"]]);
  });
});

describe("the host of a repository", () => {
  const hosts = (config: object): readonly string[] =>
    load({ repos: ["a/a", "b/b"], repo_paths: ["/a", "/b"], ...config }).project.repos.map(({ host }) => host);

  it("is github.com when nothing is said, also by an empty list", () => {
    expect(hosts({})).toEqual(["github.com", "github.com"]);
    expect(hosts({ constraints: { remote_hosts_allow: [] } })).toEqual(["github.com", "github.com"]);
    expect(hosts({ repo_hosts: { "a/a": "github.com" } })).toEqual(["github.com", "github.com"]);
  });

  it("is the first that is allowed, unless the repository names another of them", () => {
    const constraints = { remote_hosts_allow: ["gitlab.com", "git.example.com"] };
    expect(hosts({ constraints })).toEqual(["gitlab.com", "gitlab.com"]);
    expect(hosts({ constraints, repo_hosts: { "b/b": "git.example.com" } })).toEqual(["gitlab.com", "git.example.com"]);
  });

  it("may be malformed: that is said when it is used", () => {
    expect(hosts({ constraints: { remote_hosts_allow: ["git hub"] } })).toEqual(["git hub", "git hub"]);
  });
});

describe("an operation", () => {
  it("has its own limits, or none", () => {
    const op = {
      command: "x",
      profile: "aws",
      timeout: 5,
      max_stdout_bytes: 1,
      max_stderr_bytes: 2,
      on_disconnect: "finish",
      description: "d",
    };
    expect(operationOf(op)).toMatchObject({
      profile: "aws",
      timeoutSeconds: 5,
      maxStdoutBytes: 1,
      maxStderrBytes: 2,
      onDisconnect: "finish",
      description: "d",
    });
    expect(operationOf({})).toMatchObject({
      profile: undefined,
      timeoutSeconds: undefined,
      maxStdoutBytes: undefined,
      maxStderrBytes: undefined,
      onDisconnect: "cancel",
      description: "",
    });
  });

  it("without a command has an empty one", () => {
    expect(load({ operations: { op: {} } }).project.operations.get("op")).toMatchObject({ command: "", template: [] });
  });

  it("knows how many values each flag takes", () => {
    const { flags } = operationOf({
      allowed_flags: ["--a", "--b", { flag: "--c" }, "--d"],
      bool_flags: ["--b", "--d", "--zz"],
      multi_value_flags: ["--c", "--d", "--yy"],
    });
    expect([...flags.values()].map(({ flag, takes }) => [flag, takes])).toEqual([
      ["--a", "one"],
      ["--b", "none"],
      ["--c", "several"],
      ["--d", "none"],
    ]);
  });

  it("may have the same plain flag twice", () => {
    expect(operationOf({ allowed_flags: ["--a", "--a"] }).flags.size).toBe(1);
  });

  it("may have parameters of types that nobody knows, with a direction that means nothing", () => {
    const { params } = operationOf({
      params: { p: { type: "strng", direction: "sideways" }, q: { type: "string", direction: "input" }, r: {} },
    });
    expect([...params.values()].map(({ type }) => type)).toEqual([undefined, "string", undefined]);
  });

  it.each([[undefined], [""], ["output"]])("may have one output file with the direction %j", (direction) => {
    expect(operationOf({ params: { p: { type: "workspace_path", direction } } }).params.get("p")?.type).toBe(
      "workspace_path",
    );
  });

  it("may have eight input files beside the output file, each with its greatest size", () => {
    const input = { type: "workspace_path", direction: "input" };
    const { params } = operationOf({
      params: {
        ...Object.fromEntries(Array.from("abcdefg").map((name) => [name, input])),
        h: { ...input, max_bytes: 5 },
        out: { type: "workspace_path" },
        limited: { type: "string", max_bytes: 7 },
      },
    });
    const rules = ["a", "h", "out", "limited"].map((name) => params.get(name));
    expect(rules.map((rule) => [rule?.direction, rule?.maxBytes])).toEqual([
      ["input", 67_108_864],
      ["input", 5],
      ["output", undefined],
      [undefined, undefined],
    ]);
    const bounded = operationOf({ params: { o: { type: "workspace_path", direction: "output", max_bytes: 9 } } });
    expect(bounded.params.get("o")).toMatchObject({ direction: "output", maxBytes: 9 });
  });

  it("may say where it runs; gh never in the workspace, git not at all", () => {
    expect(operationOf({}).runIn).toBeUndefined();
    expect(operationOf({ run_in: "workspace" }).runIn).toBe("workspace");
    expect(operationOf({ run_in: "empty" }).runIn).toBe("empty");
    expect(operationOf({ command: "gh", run_in: "empty" }).runIn).toBe("empty");
    expect(operationOf({ command: "gh", run_in: null }).runIn).toBeUndefined();
    expect(operationOf({ command: "aws", run_in: "workspace" }).runIn).toBe("workspace");
  });

  it("may have limits with fractions for numbers", () => {
    const { params, flags } = operationOf({
      params: { n: { type: "number", min: 0.5, max: 1.5 } },
      allowed_flags: [{ flag: "--x", type: "number", max: 0.25 }],
    });
    expect(params.get("n")?.schema).toMatchObject({ min: 0.5, max: 1.5 });
    expect(flags.get("--x")?.value).toMatchObject({ type: "number", schema: { max: 0.25 } });
  });

  it("may use env entries, and every parameter, as placeholders", () => {
    const template = ["{A}", "x{p}", "{repo}{repo_path}{expected_git_url}", "{constructor}"];
    const op = operationOf(
      { args_template: template, params: { p: { type: "string" }, constructor: { type: "string" } } },
      { env: { A: "x" } },
    );
    expect(op.template.map(({ text }) => text)).toEqual(template);
  });
});

describe("an operation that may push", () => {
  it.each([
    ["git", ["push", "{expected_git_url}"]],
    ["/usr/bin/git", ["-C", "x", "push"]],
    ["git.exe", ["send-pack"]],
    ["git", ["http-push"]],
    ["git", ["{p}"]],
    ["git", ["pu{p}"]],
    ["git", []],
    ["git", ["-c", "a=b"]],
    ["git", ["subtree", "push"]],
    ["git", ["lfs", "push"]],
  ])("is %s %j", (command, args) => {
    expect(mayPush(operationOf({ command, args_template: args, params: { p: { type: "string" } } }))).toBe(true);
  });

  it.each([
    ["git", ["fetch"]],
    ["git", ["stash", "push"]],
    ["gh", ["push"]],
    ["echo", ["{p}"]],
  ])("is not %s %j", (command, args) => {
    expect(mayPush(operationOf({ command, args_template: args, params: { p: { type: "string" } } }))).toBe(false);
  });
});
