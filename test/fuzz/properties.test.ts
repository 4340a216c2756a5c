import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import type { Operation, ParamRule, Project } from "../../host/project/types.ts";
import { corpusOf } from "./corpus.ts";
import { mutated } from "./engine/mutate.ts";
import { Random } from "./engine/random.ts";
import { attempt, type Target } from "./engine/target.ts";
import { TARGETS } from "./targets/index.ts";
import { remoteRequest } from "./targets/remote-request.ts";
import { request } from "./targets/request.ts";
import { projects } from "./targets/reverse-match.ts";
import { AUTOMATIC, PLACE, typedWords } from "./targets/typed.ts";

/** Checks inputs of a target, each to the end, until the test ends. */
function checking(target: Target): (input: Buffer) => Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "c2h-"));
  const subject = target.start(directory);
  onTestFinished(() => {
    subject.close?.();
    rmSync(directory, { recursive: true, force: true });
  });
  return async (input) => {
    await (subject.verify ?? subject.check)(input);
  };
}

/** How many variations are tried; those that start git or build trees are slow. */
const VARIATIONS = new Map([
  ["git-config", 150],
  ["workspace", 60],
  ["refs", 100],
  ["objects", 100],
]);

describe("what has to hold of an input", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "holds of variations of the kept ones, for %s",
    async (name, target) => {
      const check = checking(target);
      const corpus = [
        ...target.seeds.map((seed) => Buffer.from(seed)),
        ...corpusOf(join(import.meta.dirname, "corpus", name)),
      ];
      const random = new Random(20);
      const tokens = target.tokens.map((token) => Buffer.from(token));
      const other = (): Buffer => random.of(corpus);
      for (let left = VARIATIONS.get(name) ?? 500; left > 0; left--) {
        const input = mutated(other(), {
          random,
          tokens,
          other,
          maxBytes: target.maxBytes,
          separator: target.separator,
        });
        await expect(check(input), JSON.stringify(input.toString("latin1"))).resolves.toBeUndefined();
      }
    },
  );
});

const FIELDS = [
  ...["operation", "params", "flags", "token", "target_repo", "request_id", "source", "protocol", "cwd_context"],
  ...["list_operations", "prefix", "describe_operation", "raw_argv", "toplevel", "origin_url", "Operation", "TOKEN"],
  ...["constructor", "toString", "valueOf", "hasOwnProperty", "", "x"],
];
const scalar = fc.oneof(
  fc.constantFrom("", "x", "mcp", "raw_argv", "a.b-1", "o/r", "\0", "\u2028", "\u202e", "é", "😀"),
  fc.string({ unit: "grapheme" }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie("json"), { maxKeys: 5 }),
  ),
}));
const requests = fc.record(
  {
    operation: fc.oneof(fc.constantFrom("test_op", "a", "A", ""), json),
    raw_argv: fc.oneof(fc.array(fc.oneof(fc.string(), fc.constant(null))), json),
    list_operations: json,
    describe_operation: fc.oneof(fc.string(), json),
    params: fc.oneof(fc.dictionary(fc.string(), json), json),
    flags: fc.oneof(fc.array(fc.string()), json),
    request_id: fc.oneof(fc.constantFrom("a.b", "", "a b"), json),
    source: fc.oneof(fc.constantFrom("", "mcp", "raw_argv"), json),
    protocol: fc.oneof(fc.constantFrom(1, 2, 3, 0, -1, 1.5), json),
    cwd_context: fc.oneof(fc.record({ toplevel: scalar, origin_url: scalar }, { requiredKeys: [] }), json),
    TOKEN: scalar,
  },
  { requiredKeys: [] },
);

describe("a request of any JSON", () => {
  it("is a request that means the same when it is written out, or a coded error that can be shown", async () => {
    const check = checking(request);
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: requests }, json), async (value) => {
        await check(Buffer.from(JSON.stringify(value)));
      }),
      { numRuns: 3_000 },
    );
  });
});

const side = fc.oneof(
  fc.constantFrom(
    "main",
    "HEAD",
    "refs/heads/main",
    "refs/heads/*",
    "refs/remotes/origin/*",
    "refs/remotes/o/main",
    "",
  ),
  fc.string({ unit: fc.constantFrom(...Array.from("ab/.*:+^@{-é")), maxLength: 8 }),
);
const refspec = fc
  .tuple(fc.constantFrom("", "+", "^"), side, fc.constantFrom(":", ":", "", "::"), side)
  .map((parts) => parts.join(""));
const gitOption = fc.oneof(
  fc.constantFrom(
    ...["-q", "-f", "--force", "-p", "--prune", "-o", "--push-option", "--push-option=x", "-ofoo", "--dry-run", "-n"],
    ...["--force-with-lease", "--force-with-lease=main", "--force-with-lease=main:", "--force-with-lease=dev:"],
    ...["--no-verify", "--mirror", "--all", "--tags", "--delete", "-d", "--repo=x", "--receive-pack=x", "--exec=x"],
    ...["--upload-pack=x", "--", "--end-of-options", "-u", "--atomic", "--sort=refname", "--heads", "-fo", "--pru"],
  ),
  fc.string({ unit: fc.constantFrom(...Array.from("-fopqn=xm")), maxLength: 5 }).map((text) => `-${text}`),
);
const gitLine = fc
  .tuple(
    fc.constantFrom("push", "push", "fetch", "ls-remote", "clone", "pull", ""),
    fc.array(fc.oneof({ weight: 3, arbitrary: gitOption }, { weight: 2, arbitrary: refspec }), { maxLength: 5 }),
    fc.array(refspec, { maxLength: 2 }),
  )
  .map(([subcommand, words, last]) => [subcommand, ...words, ...last].join("\n"));

describe("a git command line for a remote", () => {
  it("is refused, or has only known options and the destination that the branch policy saw", async () => {
    const check = checking(remoteRequest);
    await fc.assert(
      fc.asyncProperty(gitLine, async (line) => {
        await check(Buffer.from(line));
      }),
      { numRuns: 5_000 },
    );
  });
});

const words = fc.oneof(
  fc.constantFrom("ai/fix-1", "main", "text", "s3://b/x", "abcd12", "two\nlines", "a-b:c", "=", "{repo}", "$&", "İ"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
);

const FORMED = {
  url: fc.constantFrom("https://a.b/c", "https://example.org/x?y=1#z", "http://a.b/"),
  owner_repo: fc.constantFrom("o/r", "a.b/c-d", "o"),
  git_ref: fc.oneof(fc.constantFrom("main", "refs/heads/é", "v1.0"), words),
} as const;

/**
 * Values that a parameter may have, or may be denied. Left out is what no command line stands for: numbers with a sign or
 * more than 30 decimals inside of a word, and texts that hold the `:` or `-` which our own template puts between two.
 */
function valueOf({
  type,
  schema: { min = 0, max, enum: choices = [], pattern = "" },
}: ParamRule): fc.Arbitrary<unknown> {
  switch (type) {
    case "integer":
      return fc.integer({ min: Math.max(min, 0), max: max ?? 2 ** 40 });
    case "number":
      return fc.nat().map((value) => value / 1_000);
    case "enum":
      return fc.constantFrom(...choices);
    case "url":
    case "owner_repo":
    case "git_ref":
      return FORMED[type];
    default:
      if (pattern.endsWith("\\.service$")) return words.map((text) => `${text}.service`);
      return pattern === "" ? words.map((text) => text.replaceAll(/[:-]/g, ".")) : words;
  }
}

const operations: readonly (readonly [string, Project, Operation])[] = projects().flatMap((project, index) =>
  project.allowed.flatMap((id) => {
    const operation = project.operations.get(id);
    // Nobody types a transfer: it is our own program's.
    const isTyped = operation !== undefined && operation.machine?.transfer === undefined;
    return isTyped ? [[`${index} ${id}`, project, operation] as const] : [];
  }),
);

describe("a command line that an operation makes", () => {
  it.each(operations)("is taken for that operation and its values when it is typed: %s", (_, project, operation) => {
    const values = fc.record(Object.fromEntries([...operation.params].map(([name, rule]) => [name, valueOf(rule)])));
    let matched = 0;
    const held = fc.property(values, (params) => {
      const asked = { operation: operation.id, params: new Map(Object.entries(params)), flags: [] };
      const made = attempt(() => argumentsOf(project, checkCall(project, asked), PLACE));
      if (!made.ok) {
        expect(made.error).toBeInstanceOf(CodedError);
        return;
      }
      const typed = [operation.command, ...typedWords(operation, made.value)];
      const again = reverseMatch(project, AUTOMATIC, typed);
      expect(again.operation).toBe(operation.id);
      expect(argumentsOf(project, checkCall(project, again), PLACE)).toEqual(made.value);
      matched++;
    });
    fc.assert(held, { numRuns: 100 });
    // Where few values fit together, a hundred may hold none that do.
    for (let more = 0; matched === 0 && more < 20; more++) fc.assert(held, { numRuns: 100 });
    expect(matched).toBeGreaterThan(0);
  });
});
