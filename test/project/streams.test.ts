import { describe, expect, it } from "vitest";
import { canonicalText } from "../../host/project/canonical.ts";
import { compileProject } from "../../host/project/compile.ts";
import { compareProjects } from "../../host/project/diff.ts";
import { lintConfig } from "../../host/project/lint.ts";
import type { Operation } from "../../host/project/types.ts";
import { operationDetails } from "../../host/project/words.ts";
import { refusal } from "../operation/policy.ts";

function bytes(operation: object): Buffer {
  return Buffer.from(
    JSON.stringify({
      repos: ["owner/repo"],
      repo_paths: ["/srv/repo"],
      constraints: { branch_allow: ["ai/.+"] },
      allowed_operations: ["op"],
      operations: { op: { command: "/usr/bin/tool", ...operation } },
    }),
  );
}

const load = (operation: object) => compileProject("p", bytes(operation), "f");

function compiled(operation: object): Operation {
  const found = load(operation).project.operations.get("op");
  if (found === undefined) throw new Error("no operation");
  return found;
}

/** What `config check` says of an operation, without what it says of every one. */
function found(operation: object): readonly string[] {
  const usual = /^(?:repo_path|profile_minimal|run_in_workspace|command_dangerous)$/;
  return lintConfig("p", bytes(operation), "f", (command) => command)
    .filter(({ rule }) => !usual.test(rule))
    .map(({ severity, rule, pointer }) => `${severity} ${rule} ${pointer.replace("/operations/op", "")}`);
}

const differences = (before: object, after: object): readonly string[] =>
  compareProjects(load(before), load(after)).map(({ effect, text }) => `${effect} ${text}`);

describe("an operation that says nothing of its streams", () => {
  it("takes no standard input, prints text, filters nothing, and gets the careful hints", () => {
    expect(compiled({})).toMatchObject({
      stdin: "none",
      maxStdinBytes: undefined,
      output: "text",
      filter: undefined,
      rtk: false,
      title: "",
      annotations: { readOnly: false, destructive: true, idempotent: false, openWorld: true },
    });
  });

  it("has no filter where the one it has leaves nothing out", () => {
    for (const filter of [
      {},
      { strip_ansi: false, collapse_progress: false, json_fields: [] },
      { max_lines: {} },
      { max_lines: { head: 0, tail: 0 } },
    ])
      expect(compiled({ filter }).filter).toBeUndefined();
    const text = { strip_ansi: true, collapse_progress: true, max_lines: { head: 1 } };
    expect(compiled({ output: "json", filter: text }).filter).toBeUndefined();
  });
});

describe("an operation's streams", () => {
  it("are as it says, with what it leaves out filled in", () => {
    expect(
      compiled({
        stdin: "required",
        max_stdin_bytes: 5,
        filter: { strip_ansi: true, max_lines: { tail: 3 } },
        rtk: true,
        title: "Do it",
      }),
    ).toMatchObject({
      stdin: "required",
      maxStdinBytes: 5,
      filter: { stripAnsi: true, collapseProgress: false, maxLines: { head: 0, tail: 3 }, jsonFields: [] },
      rtk: true,
      title: "Do it",
    });
    expect(compiled({ output: "json", filter: { json_fields: ["a", "b.c"] } })).toMatchObject({
      output: "json",
      filter: { stripAnsi: false, maxLines: undefined, jsonFields: [["a"], ["b", "c"]] },
    });
  });

  it.each([
    [{ read_only: true }, [true, false, true, true]],
    [{ read_only: true, destructive: true, idempotent: false }, [true, true, false, true]],
    [{ read_only: false }, [false, true, false, true]],
    [{ destructive: false, idempotent: true, open_world: false }, [false, false, true, false]],
  ])("have the hints %j", (annotations, [readOnly, destructive, idempotent, openWorld]) => {
    expect(compiled({ annotations }).annotations).toEqual({ readOnly, destructive, idempotent, openWorld });
  });

  it.each<[string, object, string, string]>([
    [
      "standard input of git",
      { command: "git", stdin: "optional" },
      "/stdin",
      "git on the host takes no standard input",
    ],
    [
      "standard input of a git program",
      { command: "/usr/bin/git-push", stdin: "required" },
      "/stdin",
      "git on the host takes no standard input",
    ],
    ["a bound for no input", { max_stdin_bytes: 5 }, "/max_stdin_bytes", "does nothing without stdin, which is none"],
    [
      "rtk for git",
      { command: "git", rtk: true },
      "/rtk",
      "git on the host runs by itself, never through another program",
    ],
    [
      "rtk for JSON",
      { output: "json", rtk: true },
      "/rtk",
      'rtk changes what the program prints, which output "json" forbids',
    ],
    ["members of text", { filter: { json_fields: ["a"] } }, "/filter/json_fields", 'needs "output": "json"'],
    [
      "a path without a name",
      { output: "json", filter: { json_fields: ["a", "b..c"] } },
      "/filter/json_fields/1",
      'expected names with dots between them (a.b), got "b..c"',
    ],
    [
      "an empty path",
      { output: "json", filter: { json_fields: [""] } },
      "/filter/json_fields/0",
      'expected names with dots between them (a.b), got ""',
    ],
    ["an unknown mode", { stdin: "maybe" }, "/stdin", "expected one of none, optional, required"],
    ["an unknown form", { output: "xml" }, "/output", "expected one of text, json"],
    ["fewer lines than none", { filter: { max_lines: { head: -1 } } }, "/filter/max_lines/head", "must be >= 0"],
  ])("are refused with the place: %s", (_what, operation, pointer, message) => {
    const error = refusal(() => compiled(operation));
    expect(error.code).toBe("config_invalid");
    expect(error.message).toContain(`at /operations/op${pointer}: ${message}`);
  });

  it("of git may say that there is none", () => {
    expect(compiled({ command: "git", args_template: ["log"], stdin: "none", rtk: false }).stdin).toBe("none");
  });
});

describe("the check of hints", () => {
  const readOnly = { annotations: { read_only: true } };
  const wrong = ["error read_only_writes /annotations/read_only"];

  it.each<[string, string, readonly string[], object?]>([
    ["a push", "git", ["push", "{expected_git_url}", "--no-verify", "{b}:refs/heads/{b}"]],
    ["a subcommand of the caller's", "git", ["{b}"]],
    ["a commit", "git", ["commit", "-m", "x"]],
    ["a fetch", "git", ["fetch", "{expected_git_url}", "main"]],
    ["a new branch", "git", ["branch", "{b}"]],
    ["a branch that is deleted", "git", ["branch", "--list", "-D", "x"]],
    ["a branch that a flag can delete", "git", ["branch", "--list"], { allowed_flags: ["--delete"] }],
    ["gh pr create", "gh", ["pr", "create", "-R", "{repo}"]],
    ["gh pr merge", "gh", ["pr", "merge", "1"]],
    ["gh issue comment", "gh", ["issue", "comment", "1"]],
    ["gh run rerun", "/opt/bin/gh", ["run", "rerun", "1"]],
    ["gh api with a method", "gh", ["api", "-X", "POST", "user"]],
    ["gh api with a method in one word", "gh", ["api", "--method=DELETE", "user"]],
    ["gh api with a field", "gh", ["api", "user", "-f", "a=b"]],
    ["gh api with a method of the caller's", "gh", ["api", "-X", "{b}", "user"]],
    ["gh api with a method in a flag", "gh", ["api", "user"], { allowed_flags: ["--method"] }],
    ["gh api with fields in a flag", "gh", ["api", "user"], { allowed_flags: ["--raw-field"] }],
    ["aws s3 rm", "aws", ["s3", "rm", "s3://a/b"]],
    ["aws s3 cp", "aws", ["s3", "cp", "s3://a/b", "x"]],
    ["aws ec2 terminate-instances", "aws", ["ec2", "terminate-instances"]],
    ["aws with options first", "aws", ["--no-cli-pager", "lambda", "invoke"]],
    ["rm", "/bin/rm", ["x"]],
    ["kubectl delete", "kubectl", ["delete", "pod", "x"]],
    ["a file in the workspace", "/bin/tool", ["{o}"], { params: { o: { type: "workspace_path" } } }],
  ])("finds a write that is marked read-only: %s", (_what, command, args, more = {}) => {
    const params = { b: { type: "string", pattern: "^[A-Z]+$" } };
    const operation = { command, args_template: args, params, ...more };
    expect(found({ ...operation, ...readOnly })).toEqual(expect.arrayContaining(wrong));
    expect(found(operation).some((text) => text.includes("read_only_writes"))).toBe(false);
  });

  it.each<[string, string, readonly string[], object?]>([
    ["git log", "git", ["log", "--oneline"]],
    ["git ls-remote", "git", ["ls-remote", "{expected_git_url}"]],
    ["a list of branches", "git", ["branch", "--list", "--no-color"], { allowed_flags: ["--all"] }],
    ["the branch that is checked out", "git", ["branch", "--show-current"]],
    ["branches by themselves", "git", ["branch"]],
    ["tags by pattern", "git", ["tag", "--list", "v*"]],
    ["gh run view", "gh", ["run", "view", "1"]],
    ["gh pr list", "gh", ["pr", "list"]],
    ["gh api", "gh", ["api", "user"]],
    ["gh api that gets with fields", "gh", ["api", "-X", "GET", "user", "-f", "a=b"]],
    [
      "gh api with a method that can only be GET",
      "gh",
      ["api", "user"],
      { allowed_flags: [{ flag: "--method", enum: ["GET"] }] },
    ],
    ["aws s3 ls", "aws", ["s3", "ls", "s3://a"]],
    ["aws s3 cp to standard output", "aws", ["s3", "cp", "s3://a/b", "-"]],
    ["aws logs start-query", "aws", ["logs", "start-query"]],
    ["aws describe", "aws", ["ec2", "describe-tags"]],
    ["kubectl get", "kubectl", ["get", "pods"]],
    ["a file that is read", "/bin/tool", ["{i}"], { params: { i: { type: "workspace_path", direction: "input" } } }],
  ])("finds nothing in what only reads: %s", (_what, command, args, more = {}) => {
    const all = found({ command, args_template: args, ...more, ...readOnly });
    expect(all.some((text) => text.includes("read_only_writes"))).toBe(false);
  });

  it("is milder for an operation that may not run", () => {
    const text = bytes({ command: "/bin/rm", ...readOnly }).toString();
    const idle = Buffer.from(text.replace('"allowed_operations":["op"]', '"allowed_operations":[]'));
    const finding = lintConfig("p", idle, "f", (command) => command).find(({ rule }) => rule === "read_only_writes");
    expect(finding?.severity).toBe("warning");
  });

  it("finds what is read-only and destructive", () => {
    expect(found({ annotations: { read_only: true, destructive: true } })).toEqual([
      "warning hints_contradict /annotations/destructive",
      "warning destructive_unasked /annotations/destructive",
    ]);
  });
});

describe("the check of standard input", () => {
  it.each<[string, readonly string[]]>([
    ["/bin/sh", []],
    ["/bin/bash", ["-s", "script"]],
    ["/usr/bin/python3.12", ["-"]],
    ["/usr/bin/perl", []],
    ["node", ["--no-warnings"]],
    ["psql", ["-h", "db"]],
    ["ssh", ["host"]],
    ["xargs", ["rm"]],
    ["env", ["A=b", "bash"]],
    ["docker", ["exec", "-i", "x", "/bin/sh"]],
    ["gh", ["api", "graphql", "--input", "-"]],
  ])("warns of a program that runs it: %s %j", (command, args) => {
    expect(found({ command, args_template: args, stdin: "optional" })).toContain("error stdin_dangerous /stdin");
    expect(found({ command, args_template: args }).join()).not.toContain("stdin_dangerous");
  });

  it.each<[string, readonly string[]]>([
    ["python3", ["/srv/script.py"]],
    ["sh", ["-c", "wc -l"]],
    ["docker", ["exec", "-i", "x", "wc"]],
  ])("asks to look at one that may: %s %j", (command, args) => {
    expect(found({ command, args_template: args, stdin: "optional" })).toContain("warning stdin_dangerous /stdin");
  });

  it.each<[string, readonly string[]]>([
    ["/usr/bin/wc", ["-l"]],
    ["/usr/bin/awk", ["{print}"]],
    ["gh", ["pr", "create", "-R", "{repo}", "--body-file", "-"]],
    ["gh", ["api", "repos/{repo}/issues", "--input", "-"]],
  ])("says nothing of one for which it is data: %s %j", (command, args) => {
    expect(found({ command, args_template: args, stdin: "required" }).join()).not.toContain("stdin_dangerous");
  });

  it("lets gh's options for a file stand where they can only mean standard input", () => {
    const gh = { command: "/usr/bin/gh", args_template: ["pr", "create", "-R", "{repo}"], stdin: "optional" };
    const flag = (rules: object): readonly string[] =>
      found({ ...gh, allowed_flags: [{ flag: "--body-file", ...rules }] });
    expect(flag({ type: "enum", enum: ["-"] })).toEqual([]);
    expect(flag({ pattern: "^-$", allow_leading_dash: true })).toEqual([]);
    expect(flag({})).toEqual(["error flag_dangerous /allowed_flags/0"]);
    expect(flag({ enum: ["-", "x"] })).toContain("error flag_dangerous /allowed_flags/0");
    expect(flag({ type: "path" })).toEqual(["error flag_dangerous /allowed_flags/0"]);
  });
});

describe("the check of output", () => {
  it.each<[string, object, readonly string[]]>([
    ["nothing forces JSON", { args_template: ["list"] }, ["warning json_not_forced /output"]],
    ["an option forces JSON", { args_template: ["list", "--json", "a"] }, []],
    ["a value forces JSON", { args_template: ["--output=json"] }, []],
    ["gh api", { command: "/usr/bin/gh", args_template: ["api", "user"] }, []],
    ["jq", { command: "/usr/bin/jq", args_template: ["."] }, []],
    [
      "a flag undoes it",
      { args_template: ["--json"], allowed_flags: ["--limit", "--jq", { flag: "-o" }] },
      ["warning json_reshaped /allowed_flags/1", "warning json_reshaped /allowed_flags/2"],
    ],
    [
      "filters of text",
      { args_template: ["--json"], filter: { strip_ansi: true, collapse_progress: false, max_lines: { head: 1 } } },
      ["warning filter_idle /filter/strip_ansi", "warning filter_idle /filter/max_lines"],
    ],
  ])("as JSON: %s", (_what, operation, expected) => {
    expect(found({ output: "json", ...operation })).toEqual(expected);
  });

  it("says that rtk shortens before anything is kept", () => {
    expect(found({ rtk: true })).toEqual(["warning rtk_shortens /rtk"]);
  });
});

describe("the differences", () => {
  it.each<[string, object, object, readonly string[]]>([
    ["standard input", {}, { stdin: "optional" }, ["widens op takes standard input"]],
    [
      "standard input taken away",
      { stdin: "required", max_stdin_bytes: 5 },
      {},
      ["narrows op takes no standard input (before: needs standard input, at most 5 bytes)"],
    ],
    [
      "input that must come",
      { stdin: "optional" },
      { stdin: "required" },
      ["narrows op needs standard input (before: takes standard input)"],
    ],
    [
      "input that may come",
      { stdin: "required" },
      { stdin: "optional" },
      ["widens op takes standard input (before: needs standard input)"],
    ],
    [
      "more input",
      { stdin: "optional", max_stdin_bytes: 5 },
      { stdin: "optional", max_stdin_bytes: 6 },
      ["widens op takes standard input, at most 6 bytes (before: takes standard input, at most 5 bytes)"],
    ],
    [
      "a bound",
      { stdin: "optional" },
      { stdin: "optional", max_stdin_bytes: 6 },
      ["narrows op takes standard input, at most 6 bytes (before: takes standard input)"],
    ],
    [
      "no bound",
      { stdin: "optional", max_stdin_bytes: 6 },
      { stdin: "required" },
      ["widens op needs standard input (before: takes standard input, at most 6 bytes)"],
    ],
    ["JSON", {}, { output: "json" }, ["changes op prints json instead of text"]],
    [
      "a filter",
      {},
      { filter: { strip_ansi: true, collapse_progress: true, max_lines: { head: 1, tail: 2 } } },
      [
        "changes output of op leaves out terminal escapes, overwritten and repeated lines, all lines but the first 1 and the last 2 (before: nothing)",
      ],
    ],
    [
      "members",
      { output: "json", filter: { json_fields: ["a"] } },
      { output: "json", filter: { json_fields: ["a", "b.c"] } },
      ["changes output of op leaves out all members but a, b.c (before: all members but a)"],
    ],
    [
      "no filter",
      { filter: { max_lines: { tail: 2 } } },
      {},
      ["changes output of op leaves out nothing (before: all lines but the last 2)"],
    ],
    ["rtk", {}, { rtk: true }, ["widens op runs through rtk where the host has it"]],
    ["no rtk", { rtk: true }, {}, ["narrows op no longer runs through rtk"]],
    ["a title", {}, { title: "A b" }, ['changes op is shown as "A b"']],
    ["no title", { title: "A" }, {}, ["changes op is shown as its name"]],
    [
      "a milder mark",
      {},
      { annotations: { read_only: true } },
      ["widens op is marked as read-only, idempotent instead of writing, destructive"],
    ],
    [
      "a stricter mark",
      { annotations: { destructive: false, open_world: false } },
      { annotations: {} },
      ["changes op is marked as writing, destructive instead of writing, closed world"],
    ],
    ["the same in other words", {}, { stdin: "none", output: "text", filter: {}, rtk: false, annotations: {} }, []],
  ])("say %s", (_what, before, after, expected) => {
    expect(differences(before, after)).toEqual(expected);
  });

  it("show all of it for a new operation", () => {
    const operation = compiled({
      stdin: "optional",
      filter: { strip_ansi: true },
      rtk: true,
      title: "T\u001b",
      annotations: { read_only: true },
    });
    expect(operationDetails(operation)).toEqual([
      "takes standard input",
      "leaves out terminal escapes",
      "runs through rtk where the host has it",
      'shown as "T\\x1b"',
      "marked as read-only, idempotent",
    ]);
    expect(operationDetails(compiled({ stdin: "required", max_stdin_bytes: 9, output: "json" }))).toEqual([
      "needs standard input, at most 9 bytes",
      "prints json",
    ]);
  });
});

describe("the canonical form", () => {
  it("has these members last, in one order, and none that says nothing", () => {
    const { config } = load({
      annotations: { open_world: false, read_only: false },
      title: "T",
      rtk: true,
      filter: { max_lines: { tail: 1, head: 0 }, strip_ansi: true, collapse_progress: false },
      output: "text",
      max_stdin_bytes: 5,
      stdin: "optional",
      run_in: "empty",
    });
    const text = canonicalText(config);
    expect(Object.entries((JSON.parse(text) as { operations: { op: object } }).operations.op).slice(5)).toEqual([
      ["run_in", "empty"],
      ["stdin", "optional"],
      ["max_stdin_bytes", 5],
      ["output", "text"],
      ["filter", { strip_ansi: true, max_lines: { tail: 1 } }],
      ["rtk", true],
      ["title", "T"],
      ["annotations", { read_only: false, open_world: false }],
    ]);
    const again = compileProject("p", Buffer.from(text), "f");
    expect(canonicalText(again.config)).toBe(text);
    expect(compareProjects(compileProject("p", Buffer.from(text), "f"), again)).toEqual([]);
  });
});
