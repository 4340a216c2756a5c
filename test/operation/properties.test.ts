import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import { buildArgv } from "../../host/operation/argv.ts";
import { checkFlags, normaliseFlags } from "../../host/operation/flags.ts";
import type { CheckedValue } from "../../host/operation/params/kind.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { CodedError } from "../../wire/errors.ts";
import { INJECTED, operationOf, projectWith } from "./policy.ts";

const FLAGS = ["--one", "--two", "--bool", "--many", "--ruled", "-s", "-m"];
const operation = operationOf({
  allowed_flags: ["--one", "--two", "--bool", "--many", { flag: "--ruled", pattern: "^[a-z]+$" }, "-s", "-m"],
  bool_flags: ["--bool"],
  multi_value_flags: ["--many", "-m"],
});
const AWKWARD = [
  "{repo}",
  "{a}",
  "$'",
  "$&",
  "$1",
  "{",
  "}",
  "{}",
  "\n",
  "=",
  "--",
  "-",
  "",
  "a b",
  "constructor",
  "__proto__",
  "😀",
];

const word = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom(...AWKWARD));
const token = fc.oneof(
  fc.constantFrom(...FLAGS, "--nope", "-x"),
  fc
    .tuple(fc.constantFrom(...FLAGS, "--nope"), fc.oneof(word, fc.constantFrom(...FLAGS, "--one=x")))
    .map(([flag, value]) => `${flag}=${value}`),
  word,
);
const tokens = fc.array(token, { maxLength: 8 });

describe("flags, whatever they are", () => {
  it("are normalised once: doing it again changes nothing", () => {
    fc.assert(
      fc.property(tokens, (flags) => {
        const once = normaliseFlags(flags, operation.flags);
        expect(normaliseFlags(once, operation.flags)).toEqual(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it("are accepted only when each token that begins with a dash names an allowed flag", () => {
    const counted = { accepted: 0 };
    fc.assert(
      fc.property(tokens, (flags) => {
        const once = normaliseFlags(flags, operation.flags);
        try {
          checkFlags(operation, once);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
          return;
        }
        counted.accepted++;
        for (const one of once.filter((text) => text.startsWith("-"))) {
          const equals = one.indexOf("=");
          expect(FLAGS).toContain(equals > 0 ? one.slice(0, equals) : one);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(counted.accepted).toBeGreaterThan(20);
  });

  it("keep every value: nothing is lost or invented by writing them in one form", () => {
    const joined = (flags: readonly string[]): string => flags.join("=").replaceAll(" ", "=");
    fc.assert(
      fc.property(tokens, (flags) => {
        expect(joined(normaliseFlags(flags, operation.flags))).toBe(joined(flags));
      }),
      { numRuns: 1_000 },
    );
  });
});

const NAMES = ["a", "b", "c", "constructor", "x_1"] as const;
const literal = word.filter((text) => !/[{}]/.test(text));
type Piece =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "whole" | "inline"; readonly name: string; readonly before: string; readonly after: string };
const piece: fc.Arbitrary<Piece> = fc.oneof(
  literal.map((text): Piece => ({ kind: "literal", text })),
  fc.record({
    kind: fc.constant("whole" as const),
    name: fc.constantFrom(...NAMES),
    before: fc.constant(""),
    after: fc.constant(""),
  }),
  fc.record({
    kind: fc.constant("inline" as const),
    name: fc.constantFrom(...NAMES),
    before: literal.filter((text) => text !== ""),
    after: literal,
  }),
);
const valued = fc.record({
  pieces: fc.array(piece, { maxLength: 6 }),
  values: fc.tuple(...NAMES.map(() => word.filter((text) => text !== ""))),
});

function elementOf(part: Piece): string {
  return part.kind === "literal" ? part.text : `${part.before}{${part.name}}${part.after}`;
}

function pairs(values: readonly string[]): readonly (readonly [string, string])[] {
  return NAMES.map((name, index) => [name, values[index] ?? ""]);
}

const params = Object.fromEntries(NAMES.map((name) => [name, { type: "string" }]));

describe("arguments, whatever the values", () => {
  it("are one per element: literals at their place, values as they are", () => {
    fc.assert(
      fc.property(valued, ({ pieces, values }) => {
        const texts = new Map(pairs(values));
        const built = buildArgv(
          operationOf({ args_template: pieces.map(elementOf), params }),
          new Map(pairs(values).map(([name, text]): [string, CheckedValue] => [name, { kind: "text", text }])),
          [],
          { injected: INJECTED, env: new Map() },
        );
        expect(built).toEqual(
          pieces.map((part) =>
            part.kind === "literal" ? part.text : part.before + (texts.get(part.name) ?? "") + part.after,
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("are as many more as an array has elements, and as few less as optional ones are absent", () => {
    fc.assert(
      fc.property(fc.array(word), fc.option(word), (list, maybe) => {
        const op = operationOf({
          args_template: ["x", "{l}", "--m", "{m}", "y"],
          params: { l: { type: "array" }, m: { type: "string", optional: true } },
        });
        const values = new Map<string, CheckedValue>([["l", { kind: "list", items: list }]]);
        if (maybe !== null) values.set("m", { kind: "text", text: maybe });
        const built = buildArgv(op, values, [], { injected: INJECTED, env: new Map() });
        expect(built).toEqual(["x", ...list, ...(maybe === null ? [] : ["--m", maybe]), "y"]);
      }),
      { numRuns: 300 },
    );
  });

  it("typed by somebody mean the operation and the values that they were built from", () => {
    fc.assert(
      fc.property(valued, ({ pieces, values }) => {
        const project = projectWith({ op: { command: "/usr/bin/tool", args_template: pieces.map(elementOf), params } });
        const op = project.operations.get("op");
        if (op === undefined) throw new Error("the operation is not in its project");
        const given = new Map(
          pairs(values).map(([name, text]): [string, CheckedValue] => [name, { kind: "text", text }]),
        );
        const built = buildArgv(op, given, [], { injected: INJECTED, env: new Map() });
        const asked = reverseMatch(project, INJECTED, ["tool", ...built]);
        const used = new Set(pieces.flatMap((part) => (part.kind === "literal" ? [] : [part.name])));
        expect(asked.operation).toBe("op");
        expect(asked.flags).toEqual([]);
        expect(Object.fromEntries(asked.params)).toEqual(
          Object.fromEntries(pairs(values).filter(([name]) => used.has(name))),
        );
      }),
      { numRuns: 500 },
    );
  });
});

const KEYS = [
  "repos",
  "repo_paths",
  "repo",
  "repo_path",
  "repo_hosts",
  "allowed_operations",
  "constraints",
  "operations",
  "env",
  "env_unsafe",
  "git_config",
  "command",
  "args_template",
  "params",
  "allowed_flags",
  "bool_flags",
  "multi_value_flags",
  "profile",
  "timeout",
  "type",
  "pattern",
  "direction",
  "path_deny",
  "branch_allow",
  "remote_hosts_allow",
  "flag",
  "min",
  "max",
  "enum",
  "items",
  "constructor",
  "a",
  "",
];
const scalar = fc.oneof(
  fc.constantFrom(
    "owner/repo",
    "/x",
    "relative",
    "string",
    "workspace_path",
    "array",
    "{a}",
    "x{a}y",
    "[",
    "(",
    "**/*",
    "--x",
    "output",
    "a{1001}",
    "\\",
  ),
  word,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie("json"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie("json"), { maxKeys: 4 }),
  ),
}));
const list = fc.array(fc.oneof(fc.constantFrom("a", "--x", "{a}", "x{a}", "[", "("), word), { maxLength: 3 });
const schema = fc.record(
  {
    type: fc.constantFrom("string", "integer", "array", "workspace_path", "odd"),
    pattern: fc.oneof(word, fc.constant("^a$")),
    direction: fc.constantFrom("", "output", "input", "x"),
  },
  { requiredKeys: [] },
);
const operationConfig = fc.record(
  {
    command: word,
    args_template: list,
    params: fc.dictionary(fc.constantFrom("a", "b", "constructor"), fc.oneof({ weight: 30, arbitrary: schema }, json)),
    allowed_flags: fc.array(fc.oneof(fc.constant("--x"), fc.record({ flag: fc.constant("--x"), pattern: word }))),
    bool_flags: list,
  },
  { requiredKeys: [] },
);
const config = fc.record(
  {
    repos: fc.oneof({ weight: 9, arbitrary: fc.constant(["owner/repo"]) }, json),
    repo_paths: fc.oneof({ weight: 9, arbitrary: fc.constant(["/x"]) }, list),
    allowed_operations: fc.array(fc.constantFrom("a", "b"), { maxLength: 1 }),
    operations: fc.dictionary(
      fc.constantFrom("a", "b", "c"),
      fc.oneof({ weight: 30, arbitrary: operationConfig }, json),
    ),
    constraints: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({ path_deny: list, branch_allow: list, remote_hosts_allow: list }, { requiredKeys: [] }),
      },
      json,
    ),
    env: fc.dictionary(fc.constantFrom("A", "B_1", "a", "C", "D", "LD_PRELOAD"), word, { maxKeys: 2 }),
  },
  { requiredKeys: ["repos", "repo_paths"] },
);

/** Compiles the bytes; true when they make a project, false for a coded error. Anything else is thrown on. */
function compiles(bytes: Buffer): boolean {
  try {
    compileProject("p", bytes, "config.json");
    return true;
  } catch (error) {
    if (error instanceof CodedError && error.code === "config_invalid") return false;
    throw error;
  }
}

describe("a configuration, whatever it is", () => {
  it("makes a project or a coded error, and nothing else is thrown", () => {
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: config }, json), (value) => {
        if (compiles(Buffer.from(JSON.stringify(value)))) seen.yes++;
        else seen.no++;
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(20);
  });

  it("that is no JSON, or no UTF-8, is a coded error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(compiles(Buffer.from(bytes))).toBe(false);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.string(), fc.nat(), (text, at) => {
        const good = JSON.stringify({ repos: ["o/r"], repo_paths: ["/x"] });
        const cut = at % good.length;
        compiles(Buffer.from(good.slice(0, cut) + text + good.slice(cut)));
      }),
      { numRuns: 500 },
    );
  });
});
