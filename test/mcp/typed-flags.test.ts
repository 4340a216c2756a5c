import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { flagsKind } from "../../mcp/typed/flags.ts";
import type { FlagInfo } from "../../wire/schema.ts";

function of(...rules: readonly FlagInfo[]) {
  const kind = flagsKind({ id: "op", allowed_flags: rules.map(({ flag }) => flag), flag_rules: [...rules] });
  if (kind === undefined) throw new Error("no flags");
  return kind;
}

function propertiesOf(kind: ReturnType<typeof of>): unknown {
  return kind.schema["properties"];
}

function complaint(work: () => unknown): string {
  try {
    return `no complaint: ${JSON.stringify(work())}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const LIMIT: FlagInfo = { flag: "--limit", type: "integer", min: 1, max: 9, takes: "one", description: "How many." };
const DRAFT: FlagInfo = { flag: "--draft", takes: "none", description: "Not yet." };
const LABEL: FlagInfo = { flag: "--label", pattern: "^[a-z]+$", repeat: true, takes: "one" };
const FILTERS: FlagInfo = { flag: "--filters", type: "string", takes: "several", description: "Which." };
const STATE: FlagInfo = { flag: "--state", type: "enum", enum: ["open", "all"], takes: "one" };
const PLAIN: FlagInfo = { flag: "--search", takes: "one" };
const SHARE: FlagInfo = { flag: "--share", type: "number", takes: "one" };

describe("the schema of flags", () => {
  it("has one member per flag, named as the flag is written", () => {
    const kind = of(LIMIT, DRAFT, LABEL, FILTERS, STATE, PLAIN);
    expect(kind.schema).toEqual({
      type: "object",
      additionalProperties: false,
      properties: {
        "--limit": { type: "integer", minimum: 1, maximum: 9, description: "How many." },
        "--draft": { type: "boolean", description: "Not yet." },
        "--label": { type: "array", items: { type: "string", pattern: "^[a-z]+$" } },
        "--filters": { type: "array", items: { type: "string" }, description: "Which." },
        "--state": { type: "string", enum: ["open", "all"] },
        "--search": { type: "string" },
      },
    });
    new Ajv2020({ strict: true }).compile({ ...kind.schema });
  });

  it("leaves open what a flag takes of which the daemon says only the name", () => {
    const kind = flagsKind({ id: "op", allowed_flags: ["--json"] });
    expect(kind?.schema["properties"]).toMatchObject({ "--json": { type: ["boolean", "string", "array"] } });
    new Ajv2020({ strict: true, allowUnionTypes: true }).compile({ ...kind?.schema });
  });

  it("is none for an operation without flags", () => {
    expect(flagsKind({ id: "op" })).toBeUndefined();
    expect(flagsKind({ id: "op", allowed_flags: [] })).toBeUndefined();
  });

  it("says which flag stands behind a member that cannot have its name", () => {
    const kind = of({ flag: "--größe", takes: "one", description: "How big." });
    const [[name, schema] = ["", {}]] = Object.entries(propertiesOf(kind) as object) as [string, object][];
    expect(name).toMatch(/^--gr__e_[0-9a-f]{8}$/);
    expect(schema).toEqual({ type: "string", description: "--größe How big." });
    expect(kind.read({ [name]: "x" })).toEqual(["--größe=x"]);
  });

  it("escapes descriptions", () => {
    expect(propertiesOf(of({ flag: "--x", takes: "none", description: "a\u001bb" }))).toEqual({
      "--x": { type: "boolean", description: "a\\x1bb" },
    });
  });
});

describe("the arguments for flags", () => {
  const all = of(LIMIT, DRAFT, LABEL, FILTERS, STATE, PLAIN, SHARE);

  it.each<[unknown, readonly string[]]>([
    [{}, []],
    [{ "--limit": 5 }, ["--limit=5"]],
    [{ "--limit": "5" }, ["--limit=5"]],
    [{ "--limit": [5] }, ["--limit=5"]],
    [{ "--limit": false }, []],
    [{ "--limit": null }, []],
    [{ limit: 5 }, ["--limit=5"]],
    [{ "--draft": true }, ["--draft"]],
    [{ "--draft": "true" }, ["--draft"]],
    [{ "--draft": false }, []],
    [{ draft: "false" }, []],
    [{ "--label": ["a", "b"] }, ["--label=a", "--label=b"]],
    [{ "--label": "a" }, ["--label=a"]],
    [{ "--label": [] }, []],
    [{ "--filters": ["a", "b=c"] }, ["--filters", "a", "b=c"]],
    [{ "--filters": "a" }, ["--filters", "a"]],
    [{ "--filters": [] }, []],
    // Alone it would be a flag; tied, the daemon refuses it.
    [{ "--filters": ["a", "--draft"] }, ["--filters=--draft"]],
    [{ "--search": "is:open x" }, ["--search=is:open x"]],
    [{ "--search": "" }, ["--search="]],
    [{ "--search": "--limit=1" }, ["--search=--limit=1"]],
    [{ "--search": true }, ["--search"]],
    [{ "--search": ["a", "b"] }, ["--search=a", "--search=b"]],
    [{ "--share": 1e-7 }, ["--share=0.0000001"]],
    [{ "--share": 1.25e-8 }, ["--share=0.0000000125"]],
    [{ "--share": "3" }, ["--share=3"]],
    [{ "--share": 0.1 }, ["--share=0.1"]],
    [{ "--state": "all", "--limit": 2 }, ["--state=all", "--limit=2"]],
    [
      ["--limit=5", "--draft"],
      ["--limit=5", "--draft"],
    ],
  ])("of %j are %j", (flags, words) => {
    expect(all.read(flags)).toEqual(words);
  });

  it.each<[unknown, string]>([
    [{ "--limit": "many" }, '--limit: expected integer, got string, "many"'],
    [{ "--limit": 10 }, '--limit: expected integer of at most 9, got number, "10"'],
    [{ "--limit": true }, "--limit: expected integer, got boolean"],
    [{ "--limit": [1, 2] }, "--limit: expected one value, got array"],
    [{ "--draft": "yes" }, '--draft: expected boolean, got string, "yes"'],
    [{ "--state": "closed" }, '--state: expected one of open, all, got string, "closed"'],
    [{ "--label": ["a", {}] }, "--label: expected string, got object"],
    ["--limit=5", 'expected object, got string, "--limit=5"'],
    [["--limit", 5], "expected object, got array"],
    [
      { "--limit": "x", "--nope\u0007": 1 },
      '--limit: expected integer, got string, "x"; --nope\\a: is none of --limit, --draft, --label, --filters, --state, --search, --share',
    ],
  ])("of %j are refused: %s", (flags, message) => {
    expect(complaint(() => all.read(flags))).toBe(message);
  });

  it.each<[unknown, readonly string[]]>([
    [true, ["--json"]],
    ["true", ["--json"]],
    [false, []],
    ["a,b", ["--json=a,b"]],
    [5, ["--json=5"]],
    [["a"], ["--json=a"]],
    [
      ["a", "b"],
      ["--json", "a", "b"],
    ],
    [["a", "-b"], ["--json=-b"]],
    [[], []],
  ])("of which only the name is known are, for %j, %j", (value, words) => {
    expect(flagsKind({ id: "op", allowed_flags: ["--json"] })?.read({ "--json": value })).toEqual(words);
  });

  it("may be named like members of every object", () => {
    const kind = of({ flag: "--constructor", takes: "one" }, { flag: "--__proto__", takes: "none" });
    expect(kind.read({ "--constructor": "x", "--__proto__": true })).toEqual(["--constructor=x", "--__proto__"]);
    expect(complaint(() => kind.read({ toString: "x" }))).toBe("toString: is none of --constructor, --__proto__");
    expect(kind.read({ constructor: "x" })).toEqual(["--constructor=x"]);
  });

  it("do not take a flag for the one of another number of dashes", () => {
    const kind = of({ flag: "-R", takes: "one" }, { flag: "--R", takes: "one" });
    expect(kind.read({ "-R": "a", "--R": "b" })).toEqual(["-R=a", "--R=b"]);
  });
});
