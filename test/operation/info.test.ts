import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import { describeOperation, listOperations, operationInfo } from "../../host/operation/info.ts";
import { operationOf, projectOf, refusal } from "./policy.ts";

const gh = { command: "gh", args_template: ["secret-template", "{z}", "{a}", "{m}"], description: "Does it" };
const operation = operationOf({
  ...gh,
  params: {
    z: { type: "integer", min: 1 },
    a: { type: "string", optional: true, pattern: "^x$", description: "An a" },
    m: { type: "array", items: { type: "string" } },
  },
  allowed_flags: [
    "--plain",
    { flag: "--limit", type: "integer", max: 10, description: "How many" },
    "--mv",
    "--b",
    { flag: "--e", enum: ["x"] },
  ],
  bool_flags: ["--b"],
  multi_value_flags: ["--mv", "--e"],
});

describe("what a session may know of an operation", () => {
  it("is its id, command, description, parameters by name, flags and the rules of their values", () => {
    expect(operationInfo(operation)).toEqual({
      id: "op",
      command: "gh",
      description: "Does it",
      params: {
        a: { type: "string", optional: true, pattern: "^x$", description: "An a" },
        m: { type: "array", items: { type: "string" } },
        z: { type: "integer", min: 1 },
      },
      allowed_flags: ["--plain", "--limit", "--mv", "--b", "--e"],
      flag_rules: [
        { flag: "--plain", takes: "one" },
        { flag: "--limit", takes: "one", type: "integer", max: 10, description: "How many" },
        { flag: "--mv", takes: "several" },
        { flag: "--b", takes: "none" },
        { flag: "--e", takes: "several", enum: ["x"] },
      ],
    });
  });

  it("has what the types and flags say of their own", () => {
    const own = operationOf({
      params: {
        f: { type: "workspace_path", direction: "input", max_bytes: 5 },
        u: { type: "url", schemes: ["http"], hosts: ["a"] },
      },
      allowed_flags: [{ flag: "--l", type: "url", hosts: ["b"], repeat: true, allow_leading_dash: true }],
      run_in: "empty",
    });
    expect(operationInfo(own)).toEqual({
      id: "op",
      command: "tool",
      description: "",
      params: {
        f: { type: "workspace_path", direction: "input", max_bytes: 5 },
        u: { type: "url", schemes: ["http"], hosts: ["a"] },
      },
      allowed_flags: ["--l"],
      flag_rules: [{ flag: "--l", takes: "one", type: "url", hosts: ["b"], repeat: true, allow_leading_dash: true }],
    });
  });

  it("has its title, streams, hints and time at the end, as far as it says them", () => {
    const own = operationOf({
      title: "Do it",
      stdin: "optional",
      max_stdin_bytes: 5,
      output: "json",
      filter: { json_fields: ["secret"] },
      annotations: { read_only: true },
      timeout: 7,
      allowed_flags: ["--x"],
    });
    expect(Object.entries(operationInfo(own))).toEqual([
      ["id", "op"],
      ["command", "tool"],
      ["description", ""],
      ["allowed_flags", ["--x"]],
      ["title", "Do it"],
      ["stdin", "optional"],
      ["output", "json"],
      ["annotations", { read_only: true, destructive: false, idempotent: true, open_world: true }],
      ["timeout", 7],
    ]);
  });

  it("says nothing of streams and hints that are as they usually are", () => {
    expect(
      operationInfo(operationOf({ stdin: "none", output: "text", rtk: true, filter: { strip_ansi: true } })),
    ).toEqual({
      id: "op",
      command: "tool",
      description: "",
    });
  });

  it("has its parameters sorted by name", () => {
    expect(Object.keys(operationInfo(operation).params ?? {})).toEqual(["a", "m", "z"]);
  });

  it("is never the template, nor the lists of flags by kind", () => {
    const text = JSON.stringify(operationInfo(operation));
    for (const secret of ["secret-template", "args_template", "bool_flags", "multi_value_flags", "{z}"])
      expect(text).not.toContain(secret);
  });

  it("leaves out what there is none of", () => {
    expect(operationInfo(operationOf({}))).toEqual({ id: "op", command: "tool", description: "" });
    expect(operationInfo(operationOf({ allowed_flags: ["--x"] }))).toEqual({
      id: "op",
      command: "tool",
      description: "",
      allowed_flags: ["--x"],
    });
  });
});

const bare = { command: "gh" };
const project = projectOf({
  operations: { gh_pr_view: bare, gh_pr_list: bare, gh_issue_view: bare, hidden: bare, constructor: bare },
  allowed_operations: ["gh_pr_view", "gh_issue_view", "gh_pr_list"],
});
const parameterless = projectOf({
  operations: { test_op: { command: "echo", description: "Echo" }, other_op: { command: "echo" } },
  allowed_operations: ["test_op"],
});
const ids = (prefix: string): readonly string[] => listOperations(parameterless, prefix).map(({ id }) => id);

describe("the list", () => {
  it("has the allowed operations in the order of the configuration", () => {
    expect(listOperations(project, "").map(({ id }) => id)).toEqual(["gh_pr_view", "gh_issue_view", "gh_pr_list"]);
    expect(ids("")).toEqual(["test_op"]);
  });

  it("keeps those that begin with the prefix", () => {
    expect(listOperations(project, "gh_pr").map(({ id }) => id)).toEqual(["gh_pr_view", "gh_pr_list"]);
    expect(listOperations(project, "docker")).toEqual([]);
    expect(listOperations(project, "gh.pr")).toEqual([]);
  });
});

describe("a description", () => {
  it("is given of allowed operations", () => {
    expect(describeOperation(parameterless, "test_op")).toEqual({
      id: "test_op",
      command: "echo",
      description: "Echo",
    });
  });

  it.each([["other_op"], ["no_such_op"], ["constructor"], ["__proto__"], ["toString"], [""]])(
    "is refused in the same words for what is not allowed and for what does not exist: %j",
    (id) => {
      const error = refusal(() => describeOperation(parameterless, id));
      expect(error.code).toBe("operation_not_allowed");
      expect(error.message).toBe(`Operation not allowed: ${id}`);
    },
  );

  it("is refused without control characters and at a bounded length", () => {
    const { message } = refusal(() => describeOperation(parameterless, `\u001b[2J${"x".repeat(10_000)}`));
    expect(message).not.toContain("\u001b");
    expect(message.length).toBeLessThan(250);
  });
});

it("an owner's own notes in a configuration are not shown", () => {
  const config = {
    repos: ["o/r"],
    repo_paths: ["/r"],
    allowed_operations: ["a"],
    operations: {
      a: {
        command: "a",
        args_template: ["{p}"],
        params: { p: { type: "string", maxLength: 5, note: "for the owner" } },
        allowed_flags: [{ flag: "--f", enum: ["x"], note: "for the owner" }],
      },
    },
  };
  const { project } = compileProject("p", Buffer.from(JSON.stringify(config)), "f");
  expect(listOperations(project, "")).toEqual([
    {
      id: "a",
      command: "a",
      description: "",
      params: { p: { type: "string", maxLength: 5 } },
      allowed_flags: ["--f"],
      flag_rules: [{ flag: "--f", takes: "one", enum: ["x"] }],
    },
  ]);
});
