import { describe, expect, it } from "vitest";
import { checkCall, type Asked } from "../../host/operation/call.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import type { Project } from "../../host/project/types.ts";
import type { CodedError } from "../../wire/errors.ts";
import { INJECTED, operationOf, projectOf, projectWith, refusal } from "./policy.ts";
import { ALLOWED_BY } from "../../wire/codes.ts";

const number = { number: { type: "integer", min: 1 } };
const branch = { branch: { type: "string" } };
const gh = (args: readonly string[], more: object = {}): object => ({
  command: "gh",
  args_template: args,
  params: number,
  ...more,
});

const view = gh(["pr", "view", "{number}", "-R", "{repo}"], {
  allowed_flags: ["--json", "--comments"],
  bool_flags: ["--comments"],
});
const comments = gh(["api", "repos/{repo}/pulls/{number}/comments"], { allowed_flags: ["--jq"] });
const edit = gh(["pr", "edit", "{number}", "-R", "{repo}", "--body", "{body}"], {
  params: { ...number, body: { type: "string", optional: true } },
  allowed_flags: ["--title"],
});
const push = (args: readonly string[]): object => ({ command: "git", args_template: args, params: branch });
const pushNear = push(["push", "--no-verify", "{expected_git_url}", "{branch}:refs/heads/{branch}"]);
const pushFar = push(["push", "{expected_git_url}", "--no-verify", "{branch}:refs/heads/{branch}"]);
const fetchAll = {
  command: "git",
  args_template: ["fetch", "{expected_git_url}", "+refs/heads/*:refs/remotes/origin/*"],
};

function match(project: Project, argv: readonly string[]): Asked {
  return reverseMatch(project, INJECTED, argv);
}

function found(operation: object, argv: readonly string[]): object {
  const { operation: id, params, flags } = match(projectWith({ op: operation }), argv);
  expect(id).toBe("op");
  return { params: Object.fromEntries(params), flags };
}

function denial(operations: Readonly<Record<string, object>>, argv: readonly string[]): CodedError {
  const error = refusal(() => match(projectWith(operations), argv));
  expect(error.message).toMatch(/^cmd2host: /);
  return error;
}

describe("a typed command line", () => {
  it.each<readonly [string, object, readonly string[], object, readonly string[]]>([
    ["binds what stands at a placeholder", view, ["gh", "pr", "view", "42"], { number: 42 }, []],
    [
      "has flags behind the template",
      view,
      ["gh", "pr", "view", "42", "--json", "title"],
      { number: 42 },
      ["--json=title"],
    ],
    ["has bool flags", view, ["gh", "pr", "view", "42", "--comments"], { number: 42 }, ["--comments"]],
    ["reads +7 and 007 as 7", view, ["gh", "pr", "view", "+007"], { number: 7 }, []],
    ["binds a negative number, whose range is judged later", view, ["gh", "pr", "view", "-3"], { number: -3 }, []],
    [
      "binds inside a text",
      comments,
      ["gh", "api", "repos/owner/repo/pulls/42/comments", "--jq", ".[]"],
      { number: 42 },
      ["--jq=.[]"],
    ],
    ["binds an empty text", edit, ["gh", "pr", "edit", "42", "--body", ""], { number: 42, body: "" }, []],
    [
      "binds a text of several lines whole",
      edit,
      ["gh", "pr", "edit", "42", "--body", "a\n\nb\r\n"],
      { number: 42, body: "a\n\nb\r\n" },
      [],
    ],
    [
      "binds the same name twice when the halves agree",
      pushNear,
      ["git", "push", "main:refs/heads/main"],
      { branch: "main" },
      [],
    ],
    [
      "has the options that are not next to what is put in",
      pushFar,
      ["git", "push", "--no-verify", "main:refs/heads/main"],
      { branch: "main" },
      [],
    ],
    ["means the program by its name", view, ["/usr/local/bin/gh", "pr", "view", "1"], { number: 1 }, []],
    [
      "takes the shortest text first",
      { command: "tool", args_template: ["{a}-{b}"], params: { a: { type: "string" }, b: { type: "string" } } },
      ["tool", "a-b-c"],
      { a: "a", b: "b-c" },
      [],
    ],
    [
      "binds a text that follows a literal in the same word, also over lines",
      { command: "tool", args_template: ["-f", "body={body}"], params: { body: { type: "string" } } },
      ["tool", "-f", "body=hello\nworld"],
      { body: "hello\nworld" },
      [],
    ],
    [
      "matches literals byte for byte, whatever they mean in a pattern",
      { command: "tool", args_template: ["日本.*({x})[é]"], params: { x: { type: "string" } } },
      ["tool", "日本.*(語)[é]"],
      { x: "語" },
      [],
    ],
    [
      "may consist of flags only",
      { command: "echo", args_template: [], allowed_flags: ["--rule-arns"], multi_value_flags: ["--rule-arns"] },
      ["echo", "--rule-arns=a", "b"],
      {},
      ["--rule-arns", "a", "b"],
    ],
    [
      "binds an output file as it is typed; where it leads is judged later",
      { command: "aws", args_template: ["logs", "{out}"], params: { out: { type: "workspace_path" } } },
      ["aws", "logs", "../x"],
      { out: "../x" },
      [],
    ],
    [
      "binds a path",
      { command: "tool", args_template: ["{p}", "p={p}"], params: { p: { type: "path" } } },
      ["tool", "a/b", "p=a/b"],
      { p: "a/b" },
      [],
    ],
    [
      "binds a parameter whose type is missing or empty as text",
      { command: "tool", args_template: ["{p}", "{q}"], params: { p: {}, q: { type: "" } } },
      ["tool", "a", "b"],
      { p: "a", q: "b" },
      [],
    ],
    [
      "has the target's names replaced inside a text, literally",
      { command: "tool", args_template: ["{repo_path}:{expected_git_url}:{p}"], params: { p: { type: "string" } } },
      ["tool", "/repos/one:git@github.com:owner/repo.git:x"],
      { p: "x" },
      [],
    ],
    [
      "has other braces as they are",
      { command: "tool", args_template: ["{}", "{", "x{a-b}"] },
      ["tool", "{}", "{", "x{a-b}"],
      {},
      [],
    ],
  ])("%s", (_, operation, argv, params, flags) => {
    expect(found(operation, argv)).toEqual({ params, flags });
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["has a stray word behind a bool flag", view, ["gh", "pr", "view", "42", "--comments", "x"]],
    ["has a flag that is not allowed", view, ["gh", "pr", "view", "42", "--all"]],
    ["is too short", view, ["gh", "pr", "view"]],
    ["is only the program", view, ["gh"]],
    ["has text for a number", view, ["gh", "pr", "view", "4.2"]],
    ["has nothing for a number", view, ["gh", "pr", "view", ""]],
    ["has a number too long for one", view, ["gh", "pr", "view", "1234567890123456789"]],
    ["names another repository inside a text", comments, ["gh", "api", "repos/o/r/pulls/42/comments"]],
    ["has a sign inside a text where a number is", comments, ["gh", "api", "repos/owner/repo/pulls/+42/comments"]],
    ["names the repository in another case", comments, ["gh", "api", "repos/Owner/repo/pulls/42/comments"]],
    ["has more around a text", comments, ["gh", "api", "xrepos/owner/repo/pulls/42/commentsx"]],
    ["leaves out what is not next to what is put in", pushFar, ["git", "push", "main:refs/heads/main"]],
    ["has halves that differ", pushFar, ["git", "push", "--no-verify", "main:refs/heads/dev"]],
    ["has an empty half", pushFar, ["git", "push", "--no-verify", ":refs/heads/"]],
    ["is git's short form", fetchAll, ["git", "fetch", "origin"]],
    ["differs in case", view, ["gh", "PR", "view", "42"]],
  ])("means no operation when it %s", (_, operation, argv) => {
    const error = denial({ op: operation }, argv);
    expect(error.code).toBe("argv_no_match");
    expect(error.message).toContain(`no allowed operation matches argv ${JSON.stringify(argv.join(" "))}`);
  });

  it("has its values judged after the match", () => {
    const project = projectWith({ op: view });
    const asked = match(project, ["gh", "pr", "view", "0"]);
    expect(refusal(() => checkCall(project, asked)).message).toBe("Invalid parameters: number: 0 below minimum 1");
    const huge = match(project, ["gh", "pr", "view", "999999999999999999"]);
    expect(refusal(() => checkCall(project, huge)).message).toContain("expected integer");
    const zero = match(projectWith({ op: gh(["{n}"], { params: { n: { type: "integer" } } }) }), ["gh", "-0"]);
    expect(
      checkCall(projectWith({ op: gh(["{n}"], { params: { n: { type: "integer" } } }) }), zero).values.get("n"),
    ).toEqual({
      kind: "text",
      text: "0",
    });
  });

  it("of a program that no allowed operation has is denied by that name", () => {
    const error = denial({ op: view }, ["aws", "s3", "ls"]);
    expect(error.code).toBe("argv_no_match");
    expect(error.message).toBe('cmd2host: no allowed operation matches command "aws"');
    const project = projectOf({ operations: { op: view }, allowed_operations: [] });
    expect(refusal(() => match(project, ["gh", "pr", "view", "1"])).message).toContain('matches command "gh"');
    expect(refusal(() => match(project, [])).message).toContain('matches command ""');
  });

  it("is told which operations of the program there are", () => {
    expect(denial({ a: view, b: comments, c: pushFar }, ["gh", "x"]).hint).toBe(
      `Operations of gh here: a, b; describe one to see its form. ${ALLOWED_BY.owner}`,
    );
  });

  it("with an option that is put in automatically is told so, per operation", () => {
    const message = denial({ view, edit, comments }, ["gh", "pr", "view", "42", "-R", "other/repo"]).message;
    expect(message).toContain(
      "; view injects -R automatically (drop it from your argv); edit injects -R automatically (drop it from your argv)",
    );
    expect(message).not.toContain("comments injects");
    const near = denial({ op: pushNear }, ["git", "push", "--no-verify", "main:refs/heads/main"]).message;
    expect(near).toContain("op injects --no-verify automatically");
  });

  it("is shown shortened and escaped: it may hold whole bodies", () => {
    const { message } = denial({ op: view }, ["gh", "\u001b[2J", `start ${"secret ".repeat(10_000)}end`]);
    expect(message).not.toContain("\u001b");
    expect(message).toContain("start");
    expect(message).not.toContain("end");
    expect(message.length).toBeLessThan(400);
    expect(denial({ op: view }, ["\u001b".repeat(5_000)]).message.length).toBeLessThan(1_000);
  });
});

describe("several operations that match", () => {
  it("are ambiguous; patterns do not tell them apart", () => {
    const error = denial(
      {
        v: { command: "amb", args_template: ["x", "{v}"], params: { v: { type: "string" } } },
        w: { command: "amb", args_template: ["x", "{w}"], params: { w: { type: "string", pattern: "^q$" } } },
      },
      ["amb", "x", "q"],
    );
    expect(error.code).toBe("argv_ambiguous");
    expect(error.message).toBe("cmd2host: argv resolves to multiple allowed operations: v, w; make it unambiguous");
  });

  it("are told apart by the flags that they allow", () => {
    const project = projectWith({
      one: { command: "amb", args_template: ["x"], allowed_flags: ["--ids"] },
      two: { command: "amb", args_template: ["x"], allowed_flags: ["--ids"], multi_value_flags: ["--ids"] },
    });
    expect(match(project, ["amb", "x", "--ids", "a", "b"]).operation).toBe("two");
  });

  it("do not come from a name that stands twice in allowed_operations", () => {
    const project = projectOf({ operations: { op: view }, allowed_operations: ["op", "op"] });
    expect(match(project, ["gh", "pr", "view", "1"]).operation).toBe("op");
  });

  it("are sought only among the allowed", () => {
    const project = projectOf({ operations: { op: view, other: view }, allowed_operations: ["op"] });
    expect(match(project, ["gh", "pr", "view", "1"]).operation).toBe("op");
  });
});

describe("a template that cannot be matched", () => {
  it.each<readonly [string, object, readonly string[], string]>([
    ["an env placeholder", { args_template: ["{CUSTOM}"] }, ["x"], "placeholder has no schema: {CUSTOM}"],
    [
      "an env placeholder inside a text",
      { args_template: ["a={CUSTOM}"] },
      ["a=x"],
      "placeholder has no schema: {CUSTOM}",
    ],
    [
      "an array",
      { args_template: ["{a}"], params: { a: { type: "array" } } },
      ["x"],
      'unsupported reverse-match type "array"',
    ],
    [
      "paths",
      { args_template: ["{a}"], params: { a: { type: "paths" } } },
      ["x"],
      'unsupported reverse-match type "paths"',
    ],
    [
      "an unknown type",
      { args_template: ["{a}"], params: { a: { type: "strng" } } },
      ["x"],
      'unsupported reverse-match type "strng"',
    ],
    [
      "an array inside a text",
      { args_template: ["x{a}"], params: { a: { type: "array" } } },
      ["xy"],
      "unsupported reverse-match type",
    ],
  ])("because of %s says so loudly and names the operation", (_, template, words, fragment) => {
    const env = { env: { CUSTOM: "x" } };
    const fine = { command: "tool", args_template: ["{s}"], params: { s: { type: "string" } } };
    const project = projectWith({ fine, broken: { command: "tool", ...template } }, env);
    const error = refusal(() => match(project, ["tool", ...words]));
    expect(error.code).toBe("template_defect");
    expect(error.message).toMatch(/^cmd2host: operation broken: /);
    expect(error.message).toContain(fragment);
  });

  it("does no harm as long as matching does not reach the place", () => {
    const broken = { command: "tool", args_template: ["other", "{CUSTOM}"] };
    const fine = { command: "tool", args_template: ["{s}", "y"], params: { s: { type: "string" } } };
    const project = projectWith({ broken, fine }, { env: { CUSTOM: "x" } });
    expect(match(project, ["tool", "x", "y"]).operation).toBe("fine");
  });
});

describe("names that every object has", () => {
  it("are parameters like others, and no operations", () => {
    const params = { constructor: { type: "string" }, toString: { type: "string" } };
    const operation = { command: "tool", args_template: ["{constructor}", "x={toString}"], params };
    const { params: bound } = match(projectWith({ op: operation }), ["tool", "a", "x=b"]);
    expect([...bound]).toEqual([
      ["constructor", "a"],
      ["toString", "b"],
    ]);
    const schemaless = projectWith(
      { op: { command: "tool", args_template: ["{valueOf}"] } },
      { env: { valueOf: "x" } },
    );
    expect(refusal(() => match(schemaless, ["tool", "x"])).code).toBe("template_defect");
  });
});

describe("a bug in a check of flags", () => {
  it("does not look like a command line that does not match", () => {
    const project = projectWith({ op: { command: "tool", allowed_flags: ["--x"] } });
    const op = operationOf({ allowed_flags: ["--x"] });
    const found = (): boolean => {
      throw new TypeError("a bug");
    };
    const spec = {
      flag: "--x",
      takes: "one" as const,
      rule: { flag: "--x" },
      value: { type: "string" as const, schema: {}, pattern: { source: "", found, matchesWhole: found } },
    };
    const broken = { ...project, operations: new Map([["op", { ...op, flags: new Map([["--x", spec]]) }]]) };
    expect(() => match(broken, ["tool", "--x=y"])).toThrow(TypeError);
  });
});

describe("a long command line", () => {
  it("is matched in linear time", () => {
    const params = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, { type: "string" }]));
    const operation = { command: "tool", args_template: ["{a}-{b}-{c}-{d}!"], params };
    const started = performance.now();
    expect(denial({ op: operation }, ["tool", "-".repeat(100_000)]).code).toBe("argv_no_match");
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
