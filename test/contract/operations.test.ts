import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { OperationReply, OperationTemplate } from "../../wire/schema.ts";
import { checkFlags, normaliseFlags } from "../../host/operation/flags.ts";
import { compileProject } from "../../host/project/compile.ts";
import { defaultBase, defaultProject } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { fixturePrograms } from "../fixtures/temp.ts";
import { conforms, expectDenied } from "./conformance.ts";

const programs = fixturePrograms();
const args = `${programs}/print-args`;

function operation(args_template: readonly string[], rest: Partial<OperationTemplate> = {}): OperationTemplate {
  return { command: args, args_template: [...args_template], ...rest };
}

const operations: Readonly<Record<string, OperationTemplate>> = {
  number: operation(["{n}"], { params: { n: { type: "integer", min: 1 } } }),
  text: operation(["{t}"], { params: { t: { type: "string", maxLength: 4 } } }),
  letters: operation(["{t}"], { params: { t: { type: "string", pattern: "^[a-zA-Z,]+$" } } }),
  optional: operation(["a", "--body", "{body}"], {
    params: { body: { type: "string", optional: true, maxLength: 5 } },
  }),
  kept: operation(["word", "{body}", "body={body}"], { params: { body: { type: "string", optional: true } } }),
  items: operation(["{xs}"], { params: { xs: { type: "array", items: { type: "string" } } } }),
  inline: operation(["repos/{repo}/pulls/{number}/comments"], { params: { number: { type: "integer" } } }),
  branches: operation(["{branch}:refs/heads/{branch}"], { params: { branch: { type: "string" } } }),
  shadow: operation(["{n}", "{E}"], { params: { n: { type: "string" } } }),
  flags: operation([], {
    allowed_flags: ["--one", "--two", "--b", "--mv", "-L", "-x"],
    bool_flags: ["--b"],
    multi_value_flags: ["--mv"],
  }),
  both: operation([], { allowed_flags: ["--m"], bool_flags: ["--m"], multi_value_flags: ["--m"] }),
  plain: operation(["x"]),
  paths: operation(["--", "{paths}"], { params: { paths: { type: "array" } } }),
  text_paths: operation(["--", "{paths}"], { params: { paths: { type: "string" } } }),
};

const { base, repo } = defaultBase({
  allowed_operations: Object.keys(operations),
  operations,
  env: { n: "X", E: "from-env" },
});
const { address } = await startDaemon(base);

async function call(name: string, params: object = {}, flags: readonly string[] = []): Promise<OperationReply> {
  return run(address, { operation: name, params, flags });
}

/** The arguments that the program saw. */
function seen(reply: OperationReply): readonly string[] {
  expect(reply.denied_reason).toBeNull();
  return reply.stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => line.slice(1, -1));
}

describe("parameters, flags, arguments", () => {
  conforms(42, "integers keep their range and are never rounded (changed: the original cut 1.9 to 1)", async () => {
    expectDenied(await call("number", { n: 0 }), "below minimum", "param_invalid");
    expectDenied(await call("number", { n: 1.9 }), "expected integer, got 1.9", "param_invalid");
    expectDenied(await call("number", { n: "5" }), "expected integer, got string", "param_invalid");
    expectDenied(await call("number", { n: 2 ** 53 }), "expected integer", "param_invalid");
    expect(seen(await call("number", { n: 1e3 }))).toEqual(["1000"]);
  });

  conforms(43, "unknown parameters are refused; optional ones are checked when they are given", async () => {
    expectDenied(await call("plain", { constructor: 1 }), "unknown parameter", "param_unknown");
    expect(seen(await call("optional"))).toEqual(["a"]);
    expectDenied(await call("optional", { body: "too long" }), "exceeds maximum", "param_invalid");
  });

  conforms([44, 45], "lengths are bytes, patterns are searched", async () => {
    expectDenied(await call("text", { t: "ééé" }), "length 6 exceeds maximum 4");
    expectDenied(await call("letters", { t: "title;rm -rf /" }), "does not match pattern");
  });

  conforms(46, "an array becomes one argument per element", async () => {
    expectDenied(await call("items", { xs: ["a", 1] }), "expected string, got number");
    expect(seen(await call("items", { xs: ["a b", "", "c"] }))).toEqual(["a b", "", "c"]);
    expect(seen(await call("items", { xs: [] }))).toEqual([]);
  });

  conforms([47, 48], "a placeholder inside a text stays one argument", async () => {
    expect(seen(await call("inline", { number: 82 }))).toEqual(["repos/owner/repo/pulls/82/comments"]);
    expectDenied(await call("inline", { number: 1.5 }), "expected integer");
    expect(seen(await call("branches", { branch: "ai/x" }))).toEqual(["ai/x:refs/heads/ai/x"]);
  });

  conforms(49, "an absent optional goes away with the option before it, and with nothing else", async () => {
    expect(seen(await call("optional", { body: "hi" }))).toEqual(["a", "--body", "hi"]);
    expect(seen(await call("kept"))).toEqual(["word", "body="]);
  });

  conforms(50, "a missing required parameter is noticed last", async () => {
    expectDenied(await call("number"), "missing required parameter: n", "param_missing");
  });

  conforms(51, "parameters shadow env (changed: the original had it the other way round)", async () => {
    expect(seen(await call("shadow", { n: "Y" }))).toEqual(["Y", "from-env"]);
  });

  conforms(52, "flags are written in one form", async () => {
    expect(seen(await call("flags", {}, ["--one", "open"]))).toEqual(["--one=open"]);
    expect(seen(await call("flags", {}, ["--mv=arn1", "arn2"]))).toEqual(["--mv", "arn1", "arn2"]);
    expectDenied(await call("flags", {}, ["--one", "us-east-1", "extra"]), "invalid flag format");
  });

  conforms(53, "a flag that is both boolean and multi-value takes no value", async () => {
    expectDenied(await call("both", {}, ["--m", "bare"]), "invalid flag format");
    expect(seen(await call("both", {}, ["--m"]))).toEqual(["--m"]);
  });

  conforms([54, 55], "writing flags in one form twice changes nothing, and only the first = divides", async () => {
    const specs = compileProject(
      "p",
      Buffer.from(JSON.stringify(defaultProject(repo, { allowed_operations: [], operations, env: { E: "" } }))),
      "f",
    ).project.operations.get("flags");
    if (specs === undefined) throw new Error("no operation");
    const table: readonly (readonly [readonly string[], readonly string[] | "refused"])[] = [
      [["--one", "v"], ["--one=v"]],
      [
        ["--one", "--two", "x"],
        ["--one", "--two=x"],
      ],
      [["--b", "x"], "refused"],
      [
        ["--mv", "a", "b", "--one", "c"],
        ["--mv", "a", "b", "--one=c"],
      ],
      [
        ["--mv=a=b", "c"],
        ["--mv", "a=b", "c"],
      ],
      [["-L", "5"], "refused"],
      [["-L=5"], ["-L=5"]],
      [["-L5"], "refused"],
      [["--mv", "a", "-x", "b"], "refused"],
      [
        ["-x", "--mv", "", "b"],
        ["-x", "--mv", "", "b"],
      ],
      [[""], "refused"],
    ];
    for (const [given, expected] of table) {
      const once = normaliseFlags(given, specs.flags);
      expect(normaliseFlags(once, specs.flags)).toEqual(once);
      if (expected === "refused") expect(() => checkFlags(specs, once)).toThrow("Invalid flags:");
      else {
        expect(once).toEqual(expected);
        checkFlags(specs, once);
      }
    }
    expectDenied(await call("flags", {}, ["-L", "5"]), "Invalid flags:");
    expectDenied(await call("flags", {}, ["--unknown"]), 'flag not allowed: "--unknown"', "flag_not_allowed");
  });

  conforms(56, "an operation without flags takes none", async () => {
    expectDenied(await call("plain", {}, ["--x"]), "no flags allowed", "flag_not_allowed");
  });
});

describe("path_deny", async () => {
  const deny = [".git/**", ".github/workflows/**", "**/*.pem", ".env*"];
  const strict = defaultBase({
    allowed_operations: ["paths", "text_paths", "add"],
    operations: {
      ...operations,
      add: {
        command: "git",
        args_template: ["add", "--", "{paths}"],
        params: { paths: { type: "array", optional: true } },
        allowed_flags: ["-A", "--all", "-u", "--update", "--pathspec-from-file"],
      },
    },
    env: { E: "from-env" },
    constraints: { path_deny: deny },
  });
  const running = await startDaemon(strict.base);
  const guarded = async (name: string, params: object, flags: readonly string[] = []): Promise<OperationReply> =>
    run(running.address, { operation: name, params, flags });
  mkdirSync(join(strict.repo, "src"));
  writeFileSync(join(strict.repo, "src/main.go"), "");
  symlinkSync("/etc", join(strict.repo, "out"));
  symlinkSync("src", join(strict.repo, "in"));

  conforms(57, "denied patterns deny, and others do not", async () => {
    for (const path of [
      ".git/config",
      ".github/workflows/ci.yml",
      "certs/server.pem",
      "key.pem",
      ".env.local",
      "./.env",
      "a/../.env",
      ".GIT/config",
    ]) {
      expectDenied(await guarded("paths", { paths: [path] }), "denied by pattern", "path_denied");
    }
    for (const path of ["src/main.go", ".github/actions/x.yml", "secrets/.env"])
      expect(seen(await guarded("paths", { paths: [path] }))).toEqual(["--", path]);
  });

  conforms(58, "what is not one plain path inside is refused", async () => {
    const table: readonly (readonly [string, string])[] = [
      [".", "directory pathspec"],
      ["..", "directory pathspec"],
      ["src/", "directory pathspec"],
      ["*.go", "glob pathspec"],
      ["foo?.txt", "glob pathspec"],
      ["[12]", "glob pathspec"],
      [":(top)x", "magic pathspec"],
      [":/x", "magic pathspec"],
      ["\\:x", "magic pathspec"],
      ["/etc/passwd", "is absolute"],
      ["../../etc/passwd", "escapes repo_path"],
      ["src", "is a bare directory"],
      ["", "is a bare directory"],
    ];
    for (const [path, fragment] of table)
      expectDenied(await guarded("paths", { paths: [path] }), fragment, "path_denied");
    expect(seen(await guarded("paths", { paths: ["missing.txt"] }))).toEqual(["--", "missing.txt"]);
  });

  conforms(59, "a path through a link that leaves the repository is refused", async () => {
    for (const path of ["out/passwd", "out/missing/tail", "out"])
      expectDenied(await guarded("paths", { paths: [path] }), "escapes repo_path", "path_denied");
    expect(seen(await guarded("paths", { paths: ["in/main.go"] }))).toEqual(["--", "in/main.go"]);
  });

  conforms(60, "a leading dash is refused always; without path_deny the rest is the program's business", async () => {
    expectDenied(await call("paths", { paths: ["-x"] }), "flag injection prevention");
    expect(seen(await call("paths", { paths: [".", "src/", "*.go"] }))).toEqual(["--", ".", "src/", "*.go"]);
  });

  conforms(61, "git add is not told its paths from elsewhere", async () => {
    expectDenied(
      await guarded("add", { paths: ["src/main.go"] }, ["--pathspec-from-file=x"]),
      "pathspec source cannot be enforced",
    );
    for (const flag of ["-A", "--all", "-u", "--update", "--all=true"])
      expectDenied(await guarded("add", {}, [flag]), "requires explicit paths");
    expect((await guarded("add", { paths: ["src/main.go"] }, ["--all"])).denied_reason).toBeNull();
  });

  conforms(62, "a text called paths is not looked at", async () => {
    expect(seen(await guarded("text_paths", { paths: ".env" }))).toEqual(["--", ".env"]);
  });
});
