import { describe, expect, it } from "vitest";
import { buildArgv } from "../../host/operation/argv.ts";
import type { CheckedValue } from "../../host/operation/params/kind.ts";
import { argvOf, INJECTED, operationOf, refusal, URL } from "./policy.ts";

const text = { type: "string" };
const maybe = { type: "string", optional: true };

describe("the template", () => {
  it.each<readonly [string, readonly string[], object, Readonly<Record<string, unknown>>, readonly string[]]>([
    ["of literals comes out as it is", ["a", "", "-x", "--", "a b", "*"], {}, {}, ["a", "", "-x", "--", "a b", "*"]],
    ["that is empty is no arguments", [], {}, {}, []],
    ["takes a string as one argument", ["{s}"], { s: text }, { s: "a b\nc" }, ["a b\nc"]],
    ["takes an integer in decimal", ["{n}"], { n: { type: "integer" } }, { n: 1e3 }, ["1000"]],
    [
      "takes an array as one argument each",
      ["x", "{a}", "y"],
      { a: { type: "array" } },
      { a: ["1", "", "3"] },
      ["x", "1", "", "3", "y"],
    ],
    ["takes paths as one argument each", ["{p}"], { p: { type: "paths" } }, { p: ["a", "b"] }, ["a", "b"]],
    ["keeps the option before an empty array", ["--a", "{a}", "y"], { a: { type: "array" } }, { a: [] }, ["--a", "y"]],
    [
      "takes a placeholder inside a text",
      ["repos/{repo}/pulls/{n}/comments"],
      { n: { type: "integer" } },
      { n: 82 },
      ["repos/owner/repo/pulls/82/comments"],
    ],
    [
      "takes two placeholders in one element",
      ["{b}:refs/heads/{b}"],
      { b: text },
      { b: "main" },
      ["main:refs/heads/main"],
    ],
    ["takes a name with a space as a whole placeholder", ["{a b}"], { "a b": text }, { "a b": "x" }, ["x"]],
    ["takes a name with a dash as a whole placeholder", ["{a-b}"], { "a-b": text }, { "a-b": "x" }, ["x"]],
    [
      "leaves other braces alone",
      ["{}", "x{foo-bar}", "a}", "{", "}{", "x{}", "{{}}"],
      {},
      {},
      ["{}", "x{foo-bar}", "a}", "{", "}{", "x{}", "{{}}"],
    ],
    ["replaces the inner placeholder of doubled braces", ["{{b}}"], { b: text }, { b: "x" }, ["{x}"]],
    ["ignores declared params that it does not name", ["a"], { s: text }, { s: "x" }, ["a"]],
    [
      "ignores declared params that it does not name, also required ones that are absent",
      ["a"],
      { s: text },
      {},
      ["a"],
    ],
    ["names the target", ["{repo}", "{repo_path}", "{expected_git_url}"], {}, {}, ["owner/repo", "/repos/one", URL]],
  ])("%s", (_, template, params, values, expected) => {
    expect(argvOf({ args_template: template, params }, values)).toEqual(expected);
  });

  it("leaves out optional parameters, each with the option before it", () => {
    const drop = (template: readonly string[], given: Readonly<Record<string, unknown>> = {}): readonly string[] =>
      argvOf({ args_template: template, params: { x: maybe, y: maybe, z: maybe, r: text } }, given);
    expect(drop(["edit", "--body", "{x}"])).toEqual(["edit"]);
    expect(drop(["edit", "--body", "{x}"], { x: "" })).toEqual(["edit", "--body", ""]);
    expect(drop(["edit", "body", "{x}"])).toEqual(["edit", "body"]);
    expect(drop(["edit", "-b", "{x}", "tail"])).toEqual(["edit", "tail"]);
    expect(drop(["--a", "{x}", "{y}", "{z}", "t"])).toEqual(["t"]);
    expect(drop(["--a", "{x}", "--b", "{y}", "--c", "{z}"])).toEqual([]);
    expect(drop(["--a", "{x}", "--b", "{y}", "--c", "{z}"], { y: "Y" })).toEqual(["--b", "Y"]);
    expect(drop(["--a", "--b", "{x}"])).toEqual(["--a"]);
    expect(drop(["--a", "{x}", "{y}"], { y: "Y" })).toEqual(["Y"]);
    expect(drop(["--a", "{x}", "{y}"], { x: "X" })).toEqual(["--a", "X"]);
    expect(drop(["--{r}", "{x}"], { r: "R" })).toEqual(["--R"]);
    expect(drop(["{r}", "{x}"], { r: "R" })).toEqual(["R"]);
    expect(drop(["-", "{x}"])).toEqual([]);
  });

  it("keeps an optional placeholder inside a text as empty text", () => {
    expect(argvOf({ args_template: ["-f", "body={x}", "{x}"], params: { x: maybe } })).toEqual(["-f", "body="]);
  });

  it("refuses a required parameter that is absent, whole or inside a text", () => {
    for (const template of [["{s}"], ["x={s}"], ["--s", "{s}"], ["--s", "{o}", "{s}"]]) {
      const error = refusal(() => argvOf({ args_template: template, params: { s: text, o: maybe } }));
      expect(error.code).toBe("param_missing");
      expect(error.message).toBe("Failed to build arguments: missing required parameter: s");
    }
  });

  it("refuses a list inside a text, also an empty one", () => {
    for (const list of [["a"], []]) {
      const error = refusal(() => argvOf({ args_template: ["x{a}"], params: { a: { type: "array" } } }, { a: list }));
      expect(error.code).toBe("template_incomplete");
      expect(error.message).toBe("Failed to build arguments: {a} is a list and stands inside a text");
    }
  });
});

const TRICKY = [
  "{repo}",
  "{s}",
  "{t}",
  "{KEY}",
  "$'",
  "$&",
  "$`",
  "$1",
  "$$",
  "%s",
  "\\0",
  "{",
  "}",
  "{}",
  "{{repo}}",
  "a\n{repo}",
  "{repo_path}/x",
  "\\{repo\\}",
];

describe("a value", () => {
  it.each(TRICKY.map((value) => [value]))("%j is put in as it is and never looked at again", (value) => {
    const template = { args_template: ["{s}", "<{s}>", "{t}{s}", "{s}{repo}"], params: { s: text, t: text } };
    expect(argvOf(template, { s: value, t: value }, { env: { KEY: "leaked" } })).toEqual([
      value,
      `<${value}>`,
      `${value}${value}`,
      `${value}owner/repo`,
    ]);
  });

  it.each(TRICKY.map((value) => [value]))("%j of the project's env is put in as it is", (value) => {
    expect(argvOf({ args_template: ["{KEY}", "<{KEY}>"] }, {}, { env: { KEY: value } })).toEqual([value, `<${value}>`]);
  });

  it("in an array is not expanded", () => {
    expect(argvOf({ args_template: ["{a}"], params: { a: { type: "array" } } }, { a: TRICKY })).toEqual(TRICKY);
  });
});

describe("what a placeholder stands for", () => {
  it("is the parameter where the project's env has the same name", () => {
    const template = { args_template: ["{n}", "<{n}>"], params: { n: text } };
    expect(argvOf(template, { n: "Y" }, { env: { n: "X" } })).toEqual(["Y", "<Y>"]);
  });

  it("is not the env when the parameter of that name is absent", () => {
    const required = { args_template: ["{n}"], params: { n: text } };
    expect(refusal(() => argvOf(required, {}, { env: { n: "X" } })).code).toBe("param_missing");
    const optional = { args_template: ["--n", "{n}", "<{n}>"], params: { n: maybe } };
    expect(argvOf(optional, {}, { env: { n: "X" } })).toEqual(["<>"]);
  });

  it("is the target before parameters and env of the same name", () => {
    const template = { args_template: ["{repo}", "<{repo_path}>"], params: { repo: text, repo_path: text } };
    expect(argvOf(template, { repo: "evil/repo", repo_path: "/etc" }, { env: { repo: "x" } })).toEqual([
      "owner/repo",
      "</repos/one>",
    ]);
  });

  it("is the env entry of its exact name", () => {
    expect(
      argvOf({ args_template: ["{REGION}", "--r={REGION}"] }, {}, { env: { REGION: "eu", region: "us" } }),
    ).toEqual(["eu", "--r=eu"]);
  });

  it("may have the name of a member that every object has", () => {
    const names = ["constructor", "toString", "hasOwnProperty", "valueOf"];
    const params = Object.fromEntries(names.map((name) => [name, text]));
    const template = { args_template: names.map((name) => `{${name}}`), params };
    expect(argvOf(template, Object.fromEntries(names.map((name) => [name, `<${name}>`])))).toEqual(
      names.map((name) => `<${name}>`),
    );
    expect(refusal(() => argvOf(template, {})).message).toContain("missing required parameter: constructor");
    const env = Object.fromEntries(names.map((name) => [name, `env ${name}`]));
    expect(argvOf({ args_template: names.map((name) => `{${name}}`) }, {}, { env })).toEqual(
      names.map((name) => `env ${name}`),
    );
  });

  it("is nothing when the operation has no such parameter: a hand-made value cannot bring one", () => {
    const operation = operationOf({ args_template: ["{s}"], params: { s: text } });
    const values = new Map<string, CheckedValue>([["other", { kind: "text", text: "x" }]]);
    expect(refusal(() => buildArgv(operation, values, [], { injected: INJECTED, env: new Map() })).code).toBe(
      "param_missing",
    );
  });
});
