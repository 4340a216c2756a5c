import { describe, expect, it } from "vitest";
import { PARAM_KINDS } from "../../host/operation/params/index.ts";
import type { CheckedValue } from "../../host/operation/params/kind.ts";
import { checkParams } from "../../host/operation/values.ts";
import type { Operation } from "../../host/project/types.ts";
import { PARAM_TYPES, type ParamType } from "../../wire/names.ts";
import type { Param } from "../../wire/schema.ts";
import { callOf, operationOf, projectWith, refusal } from "./policy.ts";

function check(schema: Param, value: unknown): CheckedValue | undefined {
  const project = projectWith({ op: { command: "tool", args_template: ["{p}"], params: { p: schema } } });
  return callOf(project, { p: value }).values.get("p");
}

function why(schema: Param, value: unknown): string {
  const error = refusal(() => check(schema, value));
  expect(error.code).toBe("param_invalid");
  expect(error.message).toMatch(/^Invalid parameters: p: /);
  return error.message.slice("Invalid parameters: p: ".length);
}

const ONE_TEXT: readonly ParamType[] = ["string", "path", "workspace_path"];
const TEXTS: readonly ParamType[] = ["array", "paths"];
const WITH_TEXT = [...ONE_TEXT, ...TEXTS];

/** A value of the type that holds this text. */
function holding(type: ParamType, text: string): unknown {
  return TEXTS.includes(type) ? ["fine", text] : text;
}

function texts(value: CheckedValue | undefined): readonly string[] {
  if (value === undefined) return [];
  return value.kind === "list" ? value.items : [value.text];
}

describe("every parameter type", () => {
  it("is in the table that the schema's names point at", () => {
    expect(Object.keys(PARAM_KINDS).sort()).toEqual([...PARAM_TYPES].sort());
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s refuses a NUL", (type) => {
    expect(why({ type }, holding(type, "a\0b"))).toMatch(/contains a NUL$/);
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s refuses a leading dash unless the schema permits it", (type) => {
    for (const text of ["-", "-x", "--upload-pack=touch x", "-\n"]) {
      expect(why({ type }, holding(type, text))).toMatch(/begins with '-'.*flag injection prevention/);
      expect(texts(check({ type, allow_leading_dash: true }, holding(type, text)))).toContain(text);
    }
    expect(why({ type, allow_leading_dash: false }, holding(type, "-x"))).toContain("flag injection prevention");
    expect(texts(check({ type }, holding(type, " -x")))).toContain(" -x");
    expect(texts(check({ type }, holding(type, "a-x")))).toContain("a-x");
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s refuses half a surrogate pair", (type) => {
    for (const text of ["\ud800", "a\udc00", "\udc00\ud800", "x\ud83dy"]) {
      expect(why({ type }, holding(type, text))).toMatch(/not valid Unicode$/);
    }
    expect(texts(check({ type }, holding(type, "😀")))).toContain("😀");
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s refuses a value that a program reads as a file of the host", (type) => {
    for (const text of ["file:///etc/passwd", "fileb://x", "FILE://x", "Fileb:///x", "Key=file://x", "a=b=FILEB://x"]) {
      expect(why({ type }, holding(type, text))).toMatch(/would read a file of the host$/);
    }
    for (const text of ["see file:///etc/passwd", "file:", "file:/x", "profile://x", "https://x", "a file://b"]) {
      expect(texts(check({ type }, holding(type, text)))).toContain(text);
    }
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s counts lengths in bytes of UTF-8", (type) => {
    expect(why({ type, maxLength: 4 }, holding(type, "ééé"))).toContain("length 6 exceeds maximum 4");
    expect(why({ type, minLength: 3 }, holding(type, "é"))).toContain("length 2 below minimum 3");
    expect(texts(check({ type, maxLength: 6, minLength: 4 }, holding(type, "ééé")))).toContain("ééé");
    expect(why({ type, maxLength: 3 }, holding(type, "😀"))).toContain("length 4 exceeds maximum 3");
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s takes a limit of 0 or less for none", (type) => {
    const long = "x".repeat(100_000);
    expect(texts(check({ type, maxLength: 0, minLength: 0 }, holding(type, long)))).toContain(long);
    expect(texts(check({ type, maxLength: -1, minLength: -5 }, holding(type, "")))).toContain("");
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s keeps to an enum; an empty one is none", (type) => {
    expect(texts(check({ type, enum: ["fine", "open"] }, holding(type, "open")))).toContain("open");
    expect(why({ type, enum: ["fine", "open"] }, holding(type, "Open"))).toContain('"Open" is none of fine, open');
    expect(why({ type, enum: ["fine", "open"] }, holding(type, "toString"))).toContain("is none of");
    expect(texts(check({ type, enum: [] }, holding(type, "anything")))).toContain("anything");
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s keeps to a pattern", (type) => {
    expect(why({ type, pattern: "^[a-zA-Z,]+$" }, holding(type, "title;rm -rf /"))).toContain(
      'does not match pattern "^[a-zA-Z,]+$"',
    );
    expect(texts(check({ type, pattern: "^[a-z]+$" }, holding(type, "abc")))).toContain("abc");
  });

  it.each(WITH_TEXT.map((type) => [type]))("%s keeps a newline and everything else as it is", (type) => {
    for (const text of [
      "",
      "a\nb",
      "\r\n",
      "\u001b[31m",
      "\u202e",
      "$(touch x)",
      "`id`",
      "{repo}",
      "$'",
      "$&",
      "; rm -rf /",
    ]) {
      expect(texts(check({ type }, holding(type, text)))).toContain(text);
    }
  });

  it.each(ONE_TEXT.map((type) => [type]))("%s takes a JSON string and nothing else", (type) => {
    const wrong: readonly (readonly [unknown, string])[] = [
      [5, "number"],
      [0, "number"],
      [true, "boolean"],
      [false, "boolean"],
      [null, "null"],
      [["x"], "array"],
      [[], "array"],
      [{}, "object"],
      [{ toString: "x", length: 1 }, "object"],
      [undefined, "undefined"],
    ];
    for (const [value, name] of wrong) expect(why({ type }, value)).toBe(`expected string, got ${name}`);
  });

  it.each(TEXTS.map((type) => [type]))("%s takes a JSON array of strings and nothing else", (type) => {
    expect(check({ type }, [])).toEqual({ kind: "list", items: [] });
    expect(check({ type, items: { type: "string" } }, ["a", ""])).toEqual({ kind: "list", items: ["a", ""] });
    for (const [value, name] of [
      ["x", "string"],
      [5, "number"],
      [null, "null"],
      [{ 0: "x", length: 1 }, "object"],
    ] as const) {
      expect(why({ type }, value)).toBe(`expected array, got ${name}`);
    }
    expect(why({ type, items: { type: "string" } }, ["a", 1])).toBe("element 1: expected string, got number");
    expect(why({ type }, ["a", ["b"]])).toBe("element 1: expected string, got array");
    expect(why({ type }, [null])).toBe("element 0: expected string, got null");
    expect(why({ type }, ["ok", "-x"])).toMatch(/^element 1: "-x" begins with '-'/);
  });

  it.each([[""], ["strng"], ["String"], ["constructor"], ["__proto__"]])(
    "that the schema does not know (%j) refuses every value",
    (type) => {
      const error = refusal(() => check({ type }, "x"));
      expect(error.code).toBe("param_invalid");
      expect(error.message).toBe(`Invalid parameters: p: unknown type ${JSON.stringify(type)}`);
    },
  );

  it("that is missing refuses every value, and only when there is one", () => {
    expect(refusal(() => check({}, "x")).message).toContain('unknown type ""');
    const project = projectWith({ op: { command: "tool", params: { p: {} } } });
    expect(callOf(project, {}).values.size).toBe(0);
  });
});

describe("an integer", () => {
  const json = (text: string): unknown => JSON.parse(text);

  it.each([
    ["0", "0"],
    ["-0", "0"],
    ["-0.0", "0"],
    ["7", "7"],
    ["-3", "-3"],
    ["1.0", "1"],
    ["1e3", "1000"],
    ["9007199254740991", "9007199254740991"],
    ["-9007199254740991", "-9007199254740991"],
  ])("%s is the argument %s", (text, argument) => {
    expect(check({ type: "integer" }, json(text))).toEqual({ kind: "text", text: argument });
  });

  it.each([
    ["1.5"],
    ["-0.5"],
    ["1e400"],
    ["-1e400"],
    ["9007199254740992"],
    ["1e21"],
    ["9223372036854775808"],
    ["1e-7"],
  ])("%s is refused, never rounded", (text) => {
    expect(why({ type: "integer" }, json(text))).toMatch(/^expected integer, got /);
  });

  it("is no NaN", () => {
    expect(why({ type: "integer" }, Number.NaN)).toBe("expected integer, got NaN");
  });

  it.each([
    ['"5"', "string"],
    ['""', "string"],
    ['" "', "string"],
    ["null", "null"],
    ["true", "boolean"],
    ["false", "boolean"],
    ["[]", "array"],
    ["[5]", "array"],
    ["{}", "object"],
  ])("is not made of %s", (text, name) => {
    expect(why({ type: "integer" }, json(text))).toBe(`expected integer, got ${name}`);
  });

  it("keeps min and max, both included; 0 is a limit like another", () => {
    expect(why({ type: "integer", min: 1 }, 0)).toBe("0 below minimum 1");
    expect(why({ type: "integer", max: 0 }, 1)).toBe("1 exceeds maximum 0");
    expect(why({ type: "integer", min: 0 }, -1)).toBe("-1 below minimum 0");
    expect(check({ type: "integer", min: 1, max: 1 }, 1)).toEqual({ kind: "text", text: "1" });
  });
});

describe("a parameter that the operation does not have", () => {
  it.each([["x"], ["constructor"], ["__proto__"], ["toString"], ["hasOwnProperty"], ["P"], ["p "], [""]])(
    "is refused: %j",
    (name) => {
      const project = projectWith({ op: { command: "tool", params: { p: { type: "string" } } } });
      const error = refusal(() => callOf(project, Object.fromEntries([[name, "x"]])));
      expect(error.code).toBe("param_unknown");
      expect(error.message).toBe(`Invalid parameters: unknown parameter: ${JSON.stringify(name)}`);
      expect(error.hint).toBe("The operation takes p.");
    },
  );

  it("is refused by an operation without parameters, which says so", () => {
    const error = refusal(() => callOf(projectWith({ op: { command: "tool" } }), { x: 1 }));
    expect(error.hint).toBe("Leave it out: the operation takes no parameters.");
  });

  it("is shown shortened and with its control characters escaped", () => {
    const error = refusal(() =>
      callOf(projectWith({ op: { command: "tool" } }), { [`\u001b[31m${"x".repeat(5_000)}`]: 1 }),
    );
    expect(error.message).not.toContain("\u001b");
    expect(error.message.length).toBeLessThan(200);
  });
});

describe("the pattern of a parameter", () => {
  it.each([
    ["is found anywhere", "b", "abc", true],
    ["is anchored by ^ and $ to the whole text", "^b$", "abc", false],
    ["$ is the end of the text only", "^a$", "a\n", false],
    [". does not match a newline", "^a.b$", "a\nb", false],
    ["(?s) lets . match a newline", "(?s)^a.b$", "a\nb", true],
    ["(?i) ignores case", "(?i)^ABC$", "abc", true],
    ["\\S matches a no-break space", "^\\S$", "\u00a0", true],
    ["\\S does not match white space", "\\S", " \t\n", false],
    ["\\s is not a vertical tab", "^\\s$", "\v", false],
    ["counts code points", "^.$", "😀", true],
    ["\\pL matches letters", "^\\pL+$", "日本語é", true],
    ["[[:alpha:]] is a class", "^[[:alpha:]]+$", "abc", true],
    ["\\Q…\\E quotes", "^\\Qa.b\\E$", "a.b", true],
  ])("%s", (_, pattern, text, matches) => {
    const value = (): unknown => check({ type: "string", pattern }, text);
    if (matches) expect(value()).toEqual({ kind: "text", text });
    else expect(refusal(value).message).toContain("does not match pattern");
  });

  it("takes linear time where a backtracking engine takes hours", () => {
    const started = performance.now();
    const attack = `${"a".repeat(50_000)}!`;
    for (const pattern of ["^([a-zA-Z0-9._-]+\\/?)+$", "^(a+)+$", "^(a|aa)+$", "(.*)*x$"]) {
      expect(why({ type: "string", pattern }, attack)).toContain("does not match pattern");
    }
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("is not consulted for a text over the length limit", () => {
    expect(why({ type: "string", pattern: "^(a+)+$", maxLength: 10 }, `${"a".repeat(100_000)}!`)).toContain(
      "exceeds maximum",
    );
  });

  it("gives the same answer each time it is asked", () => {
    const project = projectWith({ op: { command: "tool", params: { p: { type: "string", pattern: "ab" } } } });
    for (let round = 0; round < 5; round++) expect(callOf(project, { p: "ab ab" }).values.size).toBe(1);
  });

  it("that is empty is none", () => {
    expect(check({ type: "string", pattern: "" }, "x")).toEqual({ kind: "text", text: "x" });
  });
});

describe("a value in a denial", () => {
  it("is shortened and escaped", () => {
    const message = why({ type: "string", enum: ["a"] }, `\u001b]0;x\u0007${"secret ".repeat(1_000)}`);
    expect(message).not.toContain("\u001b");
    expect(message.length).toBeLessThan(200);
  });
});

describe("a bug in a check", () => {
  const operation = operationOf({ params: { p: { type: "string" }, a: { type: "array" } } });
  const broken = (name: string): Operation => {
    const rule = operation.params.get(name);
    if (rule === undefined) throw new Error("no such parameter");
    const found = (): boolean => {
      throw new TypeError("a bug");
    };
    return {
      ...operation,
      params: new Map([[name, { ...rule, pattern: { source: "", found, matchesWhole: found } }]]),
    };
  };

  it("does not look like a wrong value", () => {
    expect(() => checkParams(broken("p"), new Map([["p", "x"]]))).toThrow(TypeError);
    expect(() => checkParams(broken("a"), new Map([["a", ["x"]]]))).toThrow(TypeError);
  });
});
