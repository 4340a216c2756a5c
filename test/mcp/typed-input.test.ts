import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { typedInput } from "../../mcp/typed/input.ts";
import type { OperationInfo, Param } from "../../wire/schema.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });

function withParams(params: Readonly<Record<string, Param>>, more: Partial<OperationInfo> = {}) {
  return typedInput({ id: "op", params, ...more });
}

function withParam(param: Param) {
  return withParams({ p: param });
}

function schemaOf(param: Param): unknown {
  return (withParam(param).schema["properties"] as Readonly<Record<string, unknown>>)["p"];
}

function given(param: Param, value: unknown): unknown {
  return withParam(param).read({ p: value }).params?.["p"];
}

function complaint(work: () => unknown): string {
  try {
    return `no complaint: ${JSON.stringify(work())}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("the schema of a parameter", () => {
  it.each<[string, Param, unknown]>([
    ["a text", { type: "string", description: "What." }, { type: "string", description: "What." }],
    ["a text without a type", {}, { type: "string" }],
    ["an integer", { type: "integer", min: 1, max: 9 }, { type: "integer", minimum: 1, maximum: 9 }],
    ["a number, which is negative only on purpose", { type: "number" }, { type: "number", minimum: 0 }],
    ["a number that may be negative", { type: "number", allow_leading_dash: true }, { type: "number" }],
    ["one of a few texts", { type: "enum", enum: ["a", "b", "a"] }, { type: "string", enum: ["a", "b"] }],
    ["one of a few integers", { type: "integer", enum: ["1", "2", "02", "x"] }, { type: "integer", enum: [1, 2] }],
    ["an integer that no enum lets through", { type: "integer", enum: ["x"] }, { type: "integer" }],
    ["no rules in empty lists and texts", { pattern: "", enum: [], description: " " }, { type: "string" }],
    [
      "several texts",
      { type: "array", pattern: "^a$", maxLength: 5, description: "Many." },
      { type: "array", items: { type: "string", pattern: "^a$", maxLength: 5 }, description: "Many." },
    ],
    ["a pattern that not all read alike", { pattern: "(?i)x" }, { type: "string", description: "RE2 pattern: (?i)x" }],
    ["lengths that are off", { minLength: 0, maxLength: -1 }, { type: "string" }],
    ["lengths in bytes", { minLength: 1, maxLength: 9 }, { type: "string", minLength: 1, maxLength: 9 }],
    [
      "a least length that fewer characters may have",
      { minLength: 9 },
      { type: "string", minLength: 3, description: "At least 9 bytes." },
    ],
    ["a branch", { type: "git_branch" }, { type: "string", description: "The short name of a branch." }],
    [
      "a URL",
      { type: "url", hosts: ["x.example"], schemes: ["https", "http"] },
      { type: "string", description: "A URL: https, http on x.example." },
    ],
    ["any URL", { type: "url" }, { type: "string", description: "A URL: https." }],
    [
      "a file to write",
      { type: "workspace_path", description: "Here." },
      { type: "string", description: "Here. The file inside the workspace that the program writes." },
    ],
    [
      "a file to read",
      { type: "workspace_path", direction: "input" },
      { type: "string", description: "The file inside the workspace that the program reads." },
    ],
    ["a type of a newer daemon", { type: "tensor\u0007" }, { description: "Type: tensor\\a." }],
    [
      "a description that would steer a terminal",
      { description: "a\u001b[2Jb\nc" },
      { type: "string", description: "a\\x1b[2Jb\\nc" },
    ],
  ])("says %s", (_, param, expected) => {
    expect(schemaOf(param)).toEqual(expected);
    ajv.compile({ ...withParam(param).schema });
  });

  it("shortens a long description", () => {
    const { description } = schemaOf({ description: "é".repeat(5_000) }) as { readonly description: string };
    expect(description.length).toBeLessThan(300);
    expect(description).toMatch(/^é+… \(\d+ more bytes\)$/);
  });

  it("requires what is not optional, unless the daemon fills it in itself", () => {
    const { schema } = withParams({ a: {}, b: { optional: true }, repo: {} });
    expect(schema["required"]).toEqual(["a"]);
    expect(withParams({ b: { optional: true } }).schema).not.toHaveProperty("required");
  });
});

describe("the value of a parameter", () => {
  it.each<[Param, unknown, unknown]>([
    [{ type: "integer" }, 5, 5],
    [{ type: "integer" }, "5", 5],
    [{ type: "integer" }, "-5", -5],
    [{ type: "number" }, "0.25", 0.25],
    [{ type: "integer", enum: ["1"] }, "1", 1],
    [{ type: "string" }, "5", "5"],
    [{ type: "string" }, 5, "5"],
    [{ type: "enum", enum: ["1", "2"] }, 2, "2"],
    [{ type: "array" }, ["a", 1], ["a", "1"]],
    [{ type: "array" }, [], []],
    [{ type: "tensor" }, { any: [null] }, { any: [null] }],
    // The daemon judges these: it may know better.
    [{ pattern: "^a$" }, "b", "b"],
    [{ maxLength: 1 }, "long", "long"],
    [{ type: "git_branch" }, "refs/x", "refs/x"],
    [{ type: "integer", enum: ["x"] }, 1, 1],
  ])("%j takes %j as %j", (param, value, expected) => {
    expect(given(param, value)).toEqual(expected);
  });

  it.each<[Param, unknown, string]>([
    [{ type: "integer" }, "5.5", 'p: expected integer, got string, "5.5"'],
    [{ type: "integer" }, 5.5, 'p: expected integer, got number, "5.5"'],
    [{ type: "integer" }, "9007199254740993", 'p: expected integer, got string, "9007199254740993"'],
    [{ type: "integer" }, "", 'p: expected integer, got string, ""'],
    [{ type: "integer" }, true, "p: expected integer, got boolean"],
    [{ type: "integer", min: 1 }, 0, 'p: expected integer of at least 1, got number, "0"'],
    [{ type: "integer", max: 9 }, "10", 'p: expected integer of at most 9, got string, "10"'],
    [{ type: "number" }, -1, 'p: expected number of at least 0, got number, "-1"'],
    [{ type: "integer", enum: ["1", "2"] }, 3, 'p: expected one of 1, 2, got number, "3"'],
    [{ type: "string" }, 5.5, 'p: expected string, got number, "5.5"'],
    [{ type: "string" }, ["a"], "p: expected string, got array"],
    [{ type: "string" }, { a: 1 }, "p: expected string, got object"],
    [{ type: "enum", enum: ["a", "\u0007"] }, "c", 'p: expected one of a, \\a, got string, "c"'],
    [{ type: "array" }, "a", 'p: expected array of strings, got string, "a"'],
    [{ type: "array" }, ["a", null], "p: element 1: expected string, got null"],
    [{ type: "array", enum: ["a"] }, ["b"], 'p: element 0: expected one of a, got string, "b"'],
    [{ type: "string" }, null, "p: is required"],
    [{ type: "string" }, undefined, "p: is required"],
  ])("%j refuses %j: %s", (param, value, message) => {
    expect(complaint(() => given(param, value))).toBe(message);
  });

  it("is left out when it is null and may be", () => {
    const input = withParams({ a: { optional: true }, b: { optional: true } });
    expect(input.read({ a: null })).toEqual({ operation: "op", params: {} });
  });

  it("names everything that is wrong at once, and what is unknown, with what is known", () => {
    const input = withParams({ a: { type: "integer" }, b: {} });
    expect(complaint(() => input.read({ a: "x", "c\u0007": 1 }))).toBe(
      'a: expected integer, got string, "x"; b: is required; unknown "c\\a"; the members are a, b, target_repo, timeout_seconds, background',
    );
  });

  it("arrives under names that are members of every object", () => {
    const names = ["constructor", "toString", "hasOwnProperty", "__proto__"];
    const input = withParams(Object.fromEntries(names.map((name) => [name, { type: "string" }])));
    const members = Object.keys(input.schema["properties"] as object);
    expect(members.slice(0, 3)).toEqual(names.slice(0, 3));
    expect(members[3]).toMatch(/^__proto___[0-9a-f]{8}$/);
    const { params = {} } = input.read(Object.fromEntries(members.slice(0, 4).map((name) => [name, `of ${name}`])));
    expect(new Map(Object.entries(params)).get("__proto__")).toBe(`of ${members[3] ?? ""}`);
    expect(JSON.stringify(params)).toContain('"__proto__":"of __proto___');
    expect(complaint(() => input.read({}))).toContain("constructor: is required; toString: is required");
  });
});

describe("our own members", () => {
  it("are there when they make sense", () => {
    const names = (operation: Partial<OperationInfo>) =>
      Object.keys(typedInput({ id: "op", ...operation }).schema["properties"] as object);
    expect(names({})).toEqual(["target_repo", "timeout_seconds", "background"]);
    expect(names({ stdin: "optional", allowed_flags: ["--x"] })).toEqual([
      "flags",
      "stdin",
      "target_repo",
      "timeout_seconds",
      "background",
    ]);
  });

  it("make way for parameters of the same name", () => {
    const params = Object.fromEntries(
      ["flags", "stdin", "_stdin", "background"].map((name) => [name, { optional: true }]),
    );
    const input = withParams(params, { stdin: "required", allowed_flags: ["--x"] });
    expect(input.schema["required"]).toEqual(["__stdin"]);
    expect(
      input.read({
        flags: "p",
        stdin: "q",
        background: "true",
        __stdin: "in",
        _flags: { "--x": true },
        _background: true,
      }),
    ).toEqual({
      operation: "op",
      params: { flags: "p", stdin: "q", background: "true" },
      stdin: "in",
      flags: ["--x"],
      background: true,
    });
  });

  it("are read, also from texts", () => {
    const input = typedInput({ id: "op", stdin: "optional" });
    expect(input.read({ target_repo: "o/r", timeout_seconds: "7", background: "false", stdin: "" })).toEqual({
      operation: "op",
      params: {},
      targetRepo: "o/r",
      timeoutSeconds: 7,
      background: false,
      stdin: "",
    });
    expect(input.read({ target_repo: null, stdin: null })).toEqual({ operation: "op", params: {} });
  });

  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ timeout_seconds: 0 }, 'timeout_seconds: expected integer of at least 1, got number, "0"'],
    [{ background: 1 }, 'background: expected boolean, got number, "1"'],
    [{ target_repo: 1 }, 'target_repo: expected string, got number, "1"'],
    [{ stdin: {} }, "stdin: expected string, got object"],
  ])("refuse %j", (args, message) => {
    expect(complaint(() => typedInput({ id: "op", stdin: "optional" }).read(args))).toBe(message);
  });

  it("require standard input that the operation requires", () => {
    expect(complaint(() => typedInput({ id: "op", stdin: "required" }).read({}))).toBe("stdin: is required");
  });
});
