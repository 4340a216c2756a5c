import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import { checkFlags, normaliseFlags } from "../../host/operation/flags.ts";
import type { Operation } from "../../host/project/types.ts";
import { argvOf, operationOf, refusal } from "./policy.ts";
import { ALLOWED_BY } from "../../wire/codes.ts";

const plain = operationOf({
  allowed_flags: ["--one", "--two", "--b", "--mv", "-L", "-x"],
  bool_flags: ["--b"],
  multi_value_flags: ["--mv"],
});

function outcome(operation: Operation, flags: readonly string[]): readonly string[] | string {
  const normalised = normaliseFlags(flags, operation.flags);
  try {
    checkFlags(operation, normalised);
  } catch {
    return refusal(() => checkFlags(operation, normalised)).message;
  }
  return normalised;
}

describe("flags in one form", () => {
  it.each<readonly [readonly string[], readonly string[]]>([
    [[], []],
    [["--one", "v"], ["--one=v"]],
    [["--one=v"], ["--one=v"]],
    [["--one="], ["--one="]],
    [["--one", ""], ["--one="]],
    [["--one", "a=b"], ["--one=a=b"]],
    [["--one=a=b"], ["--one=a=b"]],
    [
      ["--one", "--two", "x"],
      ["--one", "--two=x"],
    ],
    [
      ["--one", "-x"],
      ["--one", "-x"],
    ],
    [["--one"], ["--one"]],
    [["--b"], ["--b"]],
    [["--b=x"], ["--b=x"]],
    [
      ["--mv", "a", "b", "--one", "c"],
      ["--mv", "a", "b", "--one=c"],
    ],
    [
      ["--mv=a=b", "c"],
      ["--mv", "a=b", "c"],
    ],
    [
      ["--mv=", "c"],
      ["--mv", "", "c"],
    ],
    [
      ["--mv", "a", "--mv", "b"],
      ["--mv", "a", "--mv", "b"],
    ],
    [["-L=5"], ["-L=5"]],
    [
      ["-x", "--mv", "", "b"],
      ["-x", "--mv", "", "b"],
    ],
    [
      ["--one=v", "--one=w"],
      ["--one=v", "--one=w"],
    ],
  ])("%j are %j", (flags, expected) => {
    expect(outcome(plain, flags)).toEqual(expected);
  });

  it.each<readonly [readonly string[], string]>([
    [["--b", "x"], 'invalid flag format: "x"'],
    [["-L", "5"], 'invalid flag format: "5"'],
    [["-L5"], 'flag not allowed: "-L5"'],
    [["-Ocmd"], 'flag not allowed: "-Ocmd"'],
    [["--mv", "a", "-x", "b"], 'invalid flag format: "b"'],
    [["--mv=a", "--one", "b", "c"], 'invalid flag format: "c"'],
    [[""], 'invalid flag format: ""'],
    [["x"], 'invalid flag format: "x"'],
    [["--on", "v"], 'flag not allowed: "--on"'],
    [["--on=v"], 'flag not allowed: "--on"'],
    [["--One=v"], 'flag not allowed: "--One"'],
    [["--one =v"], 'flag not allowed: "--one "'],
    [["--other"], 'flag not allowed: "--other"'],
    [["--"], 'flag not allowed: "--"'],
    [["-"], 'flag not allowed: "-"'],
    [["=x"], 'invalid flag format: "=x"'],
    [["--=x"], 'flag not allowed: "--"'],
    [["--constructor"], 'flag not allowed: "--constructor"'],
    [["--__proto__=x"], 'flag not allowed: "--__proto__"'],
    [["--one", "v", "stray"], 'invalid flag format: "stray"'],
    [["--mv=-x"], `--mv: "-x" begins with '-'`],
    [["--mv=--one", "v"], `--mv: "--one" begins with '-'`],
    [["--mv=--mv=a"], `--mv: "--mv=a" begins with '-'`],
    [["--one=a\0b"], "--one: contains a NUL"],
    [["--mv", "a\0"], "--mv: contains a NUL"],
    [["--one=\ud800"], "--one: is not valid Unicode"],
    [["--one=file:///etc/passwd"], "would read a file of the host"],
    [["--one", "fileb://x"], "would read a file of the host"],
    [["--mv", "Name=x,Value=file://y"], "would read a file of the host"],
    [["--b=file://x"], "would read a file of the host"],
    [["-L=FILE://x"], "would read a file of the host"],
  ])("%j are refused", (flags, fragment) => {
    const message = outcome(plain, flags);
    expect(message).toMatch(/^Invalid flags: /);
    expect(message).toContain(fragment);
  });

  it("are copied when the operation does not know them", () => {
    expect(normaliseFlags(["--nope", "v", "w", "--nope=x"], plain.flags)).toEqual(["--nope", "v", "w", "--nope=x"]);
  });

  it("take a flag listed as bool and multi-value for bool", () => {
    const both = operationOf({ allowed_flags: ["--f"], bool_flags: ["--f"], multi_value_flags: ["--f"] });
    expect(outcome(both, ["--f"])).toEqual(["--f"]);
    expect(outcome(both, ["--f", "x"])).toContain('invalid flag format: "x"');
  });

  it("are refused by an operation that allows none, with a hint", () => {
    const none = operationOf({});
    expect(outcome(none, [])).toEqual([]);
    for (const flags of [["--x"], [""], ["x"]]) expect(outcome(none, flags)).toContain("no flags allowed");
    expect(refusal(() => checkFlags(none, ["--x"])).hint).toBe(`Call it without flags. ${ALLOWED_BY.owner}`);
  });

  it("name what would be allowed", () => {
    const error = refusal(() => checkFlags(plain, ["--nope"]));
    expect(error.code).toBe("flag_not_allowed");
    expect(error.hint).toEqual(expect.stringContaining("Allowed: --one, --two, --b, --mv, -L, -x. Only"));
  });

  it("are shown shortened and escaped", () => {
    const { message } = refusal(() => checkFlags(plain, [`--\u001b${"x".repeat(5_000)}`]));
    expect(message).not.toContain("\u001b");
    expect(message.length).toBeLessThan(200);
  });
});

describe("flags that look like members of every object", () => {
  const odd = operationOf({ allowed_flags: ["--constructor", "--toString"], bool_flags: ["--toString"] });

  it("are flags like others", () => {
    expect(outcome(odd, ["--constructor", "x", "--toString"])).toEqual(["--constructor=x", "--toString"]);
    expect(outcome(odd, ["--hasOwnProperty"])).toContain("flag not allowed");
  });
});

describe("a flag with a NUL in its name", () => {
  it("is refused although the configuration has it", () => {
    expect(outcome(operationOf({ allowed_flags: ["--x\0"] }), ["--x\0"])).toContain("contains a NUL");
  });
});

describe("a flag with rules", () => {
  const ruled = operationOf({
    allowed_flags: [
      { flag: "--limit", type: "integer", min: 1, max: 100 },
      { flag: "--any", type: "integer" },
      { flag: "--state", enum: ["open", "closed"] },
      { flag: "--free", enum: [] },
      { flag: "--name", type: "string", pattern: "^[a-z]+$" },
      { flag: "--many", pattern: "^[a-z]$" },
      { flag: "-n", type: "integer" },
    ],
    multi_value_flags: ["--many"],
  });

  it.each<readonly [readonly string[], readonly string[]]>([
    [["--limit", "5"], ["--limit=5"]],
    [["--limit=1"], ["--limit=1"]],
    [["--limit=100"], ["--limit=100"]],
    [["--any=0"], ["--any=0"]],
    [["--any=-7"], ["--any=-7"]],
    [["--any=9007199254740991"], ["--any=9007199254740991"]],
    [["--state=open"], ["--state=open"]],
    [["--free=x"], ["--free=x"]],
    [["--name", "abc"], ["--name=abc"]],
    [
      ["--many", "a", "b"],
      ["--many", "a", "b"],
    ],
    [["-n=5"], ["-n=5"]],
  ])("accepts %j", (flags, expected) => {
    expect(outcome(ruled, flags)).toEqual(expected);
  });

  it.each<readonly [readonly string[], string]>([
    [["--limit=0"], "--limit: 0 below minimum 1"],
    [["--limit=101"], "--limit: 101 exceeds maximum 100"],
    [["--limit=5.0"], "--limit: expected integer"],
    [["--limit=5e1"], "--limit: expected integer"],
    [["--limit=0x10"], "--limit: expected integer"],
    [["--limit=+5"], "--limit: expected integer"],
    [["--limit=05"], "--limit: expected integer"],
    [["--limit= 5"], "--limit: expected integer"],
    [["--limit=5\n"], "--limit: expected integer"],
    [["--limit="], "--limit: expected integer"],
    [["--limit=٥"], "--limit: expected integer"],
    [["--any=9007199254740992"], "--any: expected integer"],
    [["--any=99999999999999999999"], "--any: expected integer"],
    [["--limit"], "--limit: needs a value, as --limit=VALUE"],
    [["--limit", "--state", "open"], "--limit: needs a value"],
    [["-n"], "-n: needs a value"],
    [["--state=Open"], '--state: "Open" is none of open, closed'],
    [["--state="], '--state: "" is none of'],
    [["--name=abc\n"], '--name: "abc\\n" does not match pattern'],
    [["--name=ABC"], "does not match pattern"],
    [["--many", "a", "bb"], '--many: "bb" does not match pattern'],
    [["--many=bb"], '--many: "bb" does not match pattern'],
  ])("refuses %j", (flags, fragment) => {
    expect(outcome(ruled, flags)).toContain(fragment);
  });

  it("is returned with its value, so that what needs the disk can be checked", () => {
    const operation = operationOf({ allowed_flags: [{ flag: "--file", type: "path" }, "--b"], bool_flags: ["--b"] });
    const values = checkFlags(operation, ["--file=a/b", "--b"]);
    expect(values.map(({ spec, value }) => [spec.flag, value])).toEqual([["--file", "a/b"]]);
  });

  it("matches its pattern in linear time", () => {
    const operation = operationOf({ allowed_flags: [{ flag: "--x", pattern: "^([a-z]+/?)+$" }] });
    expect(outcome(operation, [`--x=${"a".repeat(50_000)}!`])).toContain("does not match pattern");
  });
});

describe("the host", () => {
  it("gets flags behind the template, in one form", () => {
    const pr = { args_template: ["pr", "list"], allowed_flags: ["--state"] };
    expect(argvOf(pr, {}, { flags: ["--state", "open"] })).toEqual(["pr", "list", "--state=open"]);
    const multi = { args_template: [], allowed_flags: ["--rule-arns"], multi_value_flags: ["--rule-arns"] };
    expect(argvOf(multi, {}, { flags: ["--rule-arns=arn1", "arn2"] })).toEqual(["--rule-arns", "arn1", "arn2"]);
    const region = { args_template: [], allowed_flags: ["--region"] };
    expect(refusal(() => argvOf(region, {}, { flags: ["--region", "us-east-1", "extra"] })).code).toBe("flag_invalid");
  });
});

it("a flag with rules for its value may stand once; a plain one as often as its program takes it", () => {
  const config = {
    repos: ["o/r"],
    repo_paths: ["/r"],
    allowed_operations: ["a"],
    operations: { a: { command: "a", allowed_flags: [{ flag: "--limit", type: "integer" }, "--label"] } },
  };
  const operation = compileProject("p", Buffer.from(JSON.stringify(config)), "f").project.operations.get("a");
  if (operation === undefined) throw new Error("no operation");
  expect(() => checkFlags(operation, ["--limit=1", "--limit=2"])).toThrow("--limit: stands twice");
  expect(checkFlags(operation, ["--label=a", "--label=b"])).toHaveLength(2);
});
