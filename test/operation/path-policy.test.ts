import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { checkPathsOnDisk } from "../../host/operation/path-policy.ts";
import type { CodedError } from "../../wire/errors.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { callOf, projectWith, refusal } from "./policy.ts";

const DENY = [".git/**", ".github/workflows/**", "**/*.pem", ".env*"];
const PATHS = { type: "array", items: { type: "string" } };
const add = { command: "git", args_template: ["add", "{paths}"], params: { paths: { ...PATHS, optional: true } } };

let repo: string;

beforeAll(() => {
  const root = tempDirectory();
  repo = join(root, "repo");
  for (const name of [".git", "src", ".github/workflows", "outside-not"])
    mkdirSync(join(repo, name), { recursive: true });
  mkdirSync(join(root, "outside"));
  writeFileSync(join(root, "outside", "secret"), "s");
  writeFileSync(join(repo, "src", "main.go"), "x");
  symlinkSync("../outside", join(repo, "leave"));
  symlinkSync("../outside/secret", join(repo, "leaf"));
  symlinkSync("src/main.go", join(repo, "stay"));
  symlinkSync("src", join(repo, "stay-directory"));
  symlinkSync(".github/workflows", join(repo, "flows"));
  symlinkSync("nowhere", join(repo, "dangling"));
});

interface Attempt {
  readonly deny?: readonly string[];
  readonly flags?: readonly string[];
  readonly at?: string;
}

function check(
  operation: object,
  params: Readonly<Record<string, unknown>>,
  { deny = DENY, flags = [], at = repo }: Attempt = {},
): void {
  const project = projectWith({ op: { command: "tool", ...operation } }, { constraints: { path_deny: deny } });
  const call = callOf(project, params, flags);
  checkPathsOnDisk(call.operation, call.values, call.flagValues, call.flags, at, project.pathDeny);
}

function denial(operation: object, params: Readonly<Record<string, unknown>>, attempt: Attempt = {}): CodedError {
  const error = refusal(() => {
    check(operation, params, attempt);
  });
  expect(error.code).toBe("path_denied");
  return error;
}

describe("an array called paths, under path_deny", () => {
  it.each([
    [".git/config"],
    [".github/workflows/ci.yml"],
    ["certs/server.pem"],
    ["key.pem"],
    [".env.local"],
    [".env"],
    ["./.env"],
    ["a/../.env"],
    [".//.env"],
    ["src/../.github/./workflows/x"],
  ])("may not name %s", (path) => {
    expect(denial(add, { paths: [path] }).message).toMatch(/denied by pattern/);
  });

  it.each([
    ["src/main.go"],
    [".github/actions/x.yml"],
    ["missing.go"],
    ["secrets/.env"],
    ["a/b/c"],
    ["..."],
    ["..a"],
    ["stay"],
    ["dangling"],
    ["github/x"],
  ])("may name %s", (path) => {
    expect(() => {
      check(add, { paths: [path] });
    }).not.toThrow();
  });

  it.each([
    [".", "directory pathspec"],
    ["..", "directory pathspec"],
    ["./", "directory pathspec"],
    ["../", "directory pathspec"],
    ["src/", "directory pathspec"],
    ["*.go", "glob pathspec"],
    ["foo?.txt", "glob pathspec"],
    ["[12]", "glob pathspec"],
    ["a]", "glob pathspec"],
    ["sr\\c", "glob pathspec"],
    [":(top)x", "magic pathspec"],
    [":/x", "magic pathspec"],
    [":!x", "magic pathspec"],
    ["\\:x", "magic pathspec"],
    ["/etc/passwd", "is absolute"],
    ["../../etc/passwd", "escapes repo_path"],
    ["src/../../x", "escapes repo_path"],
    ["src", "is a bare directory"],
    ["stay-directory", "is a bare directory"],
    ["", "is a bare directory"],
    ["a/..", "is a bare directory"],
    ["leaf", "escapes repo_path after symlink resolution"],
    ["leave/secret", "escapes repo_path after symlink resolution"],
    ["leave/missing/tail", "escapes repo_path after symlink resolution"],
  ])("may not name %j: %s", (path, fragment) => {
    expect(denial(add, { paths: ["src/main.go", path] }).message).toContain(fragment);
  });

  it("is checked as a whole: one denied element denies the call", () => {
    expect(denial(add, { paths: ["src/main.go", "a.pem", "b"] }).message).toBe(
      'paths: path "a.pem" denied by pattern "**/*.pem"',
    );
  });

  it("needs a workspace to be checked against", () => {
    expect(denial(add, { paths: ["x"] }, { at: "" }).message).toContain("repo_path required");
  });

  it("may be empty", () => {
    expect(() => {
      check(add, { paths: [] });
    }).not.toThrow();
  });

  it("is denied by a malformed glob, which names itself", () => {
    const { message } = denial(add, { paths: ["src/main.go"] }, { deny: ["["] });
    expect(message).toContain('invalid glob pattern "["');
  });
});

describe("an array called paths, without path_deny", () => {
  const free = { deny: [] };

  it.each([["."], ["src/"], ["*.go"], [":(top)x"], ["../x"], ["/etc/passwd"], ["src"]])(
    "may name %j: the program judges it",
    (path) => {
      expect(() => {
        check(add, { paths: [path] }, free);
      }).not.toThrow();
    },
  );

  it("may not begin with a dash", () => {
    const error = refusal(() => {
      check(add, { paths: ["-x"] }, free);
    });
    expect(error.message).toContain("flag injection prevention");
  });

  it.each([[".git/config"], [".git"], [".GIT/hooks/x"], ["a/.git/x"], [".cmd2host-staging/x"]])(
    "may never name %s",
    (path) => {
      expect(denial(add, { paths: [path] }, free).message).toContain("denied by pattern .git/**");
    },
  );
});

describe("a parameter of a path type", () => {
  const one = { args_template: ["{p}"], params: { p: { type: "path" } } };
  const many = { args_template: ["{p}"], params: { p: { type: "paths" } } };

  it.each([
    [".git/config", "denied by pattern .git/**"],
    ["sub/.git/config", "denied by pattern .git/**"],
    ["../x", "escapes repo_path"],
    ["/etc/passwd", "is absolute"],
    ["leaf", "after symlink resolution"],
    ["src", "is a bare directory"],
    ["*", "glob pathspec"],
  ])("is held against the workspace also without path_deny: %s", (path, fragment) => {
    expect(denial(one, { p: path }, { deny: [] }).message).toContain(fragment);
    expect(denial(many, { p: ["src/main.go", path] }, { deny: [] }).message).toContain(fragment);
  });

  it("is held against path_deny, whatever its name", () => {
    expect(denial(one, { p: "./.env" }).message).toBe('p: path ".env" denied by pattern ".env*"');
    expect(denial(many, { p: ["a", ".env"] }).message).toBe('p: path ".env" denied by pattern ".env*"');
  });

  it("may name a file that is there, or one that is not", () => {
    expect(() => {
      check(one, { p: "src/main.go" });
      check(many, { p: ["stay", "new/file"] });
    }).not.toThrow();
  });

  it("is shown escaped and shortened when it is denied", () => {
    const { message } = denial(one, { p: `.env\u001b[2J${"x".repeat(150)}` });
    expect(message).not.toContain("\u001b");
    expect(message.length).toBeLessThan(250);
  });
});

describe("parameters that are no paths", () => {
  it.each([
    ["a string called paths", { type: "string" }, ".env"],
    ["a string", { type: "string" }, "/etc/passwd"],
    ["an array of another name", PATHS, [".env", "../x"]],
    ["an integer", { type: "integer" }, 5],
  ])("are not inspected: %s", (title, schema, value) => {
    const name = title.includes("called paths") ? "paths" : "other";
    expect(() => {
      check({ args_template: [], params: { [name]: schema } }, { [name]: value });
    }).not.toThrow();
  });
});

describe("a flag whose value is a path", () => {
  const operation = {
    args_template: ["x"],
    allowed_flags: [{ flag: "--file", type: "path" }, { flag: "--many", type: "path" }, "--plain"],
    multi_value_flags: ["--many"],
  };

  it.each([
    [["--file", ".env"], '--file: path ".env" denied by pattern ".env*"'],
    [["--file=.git/config"], '--file: path ".git/config" denied by pattern'],
    [["--file=../x"], "escapes repo_path"],
    [["--many", "src/main.go", "key.pem"], '--many: path "key.pem"'],
    [["--many=key.pem"], '--many: path "key.pem"'],
  ])("is held against the workspace and path_deny: %j", (flags, fragment) => {
    expect(denial(operation, {}, { flags }).message).toContain(fragment);
  });

  it("may name what is not denied; plain flags are not inspected", () => {
    expect(() => {
      check(operation, {}, { flags: ["--file=src/main.go", "--many", "a", "--plain=.env"] });
    }).not.toThrow();
  });
});

describe("an output file", () => {
  const write = { args_template: ["{out}"], params: { out: { type: "workspace_path" } } };

  it.each([
    [".env"],
    ["./.env.local"],
    ["certs/new.pem"],
    [".github/workflows/ci.yml"],
    ["flows/ci.yml"],
    ["a/../.env"],
  ])("is held against path_deny, as written and after links: %s", (path) => {
    expect(denial(write, { out: path }).message).toMatch(/^out: path .* denied by pattern/);
  });

  it("may be where nothing is denied; where it cannot be is judged when it is resolved", () => {
    for (const out of ["logs/x.txt", "new", "../x", "leave/x", ""]) {
      expect(() => {
        check(write, { out });
      }, out).not.toThrow();
    }
  });

  it("is not inspected here without path_deny, nor when it is not given", () => {
    expect(() => {
      check(write, { out: ".env" }, { deny: [] });
      check({ ...write, params: { out: { type: "workspace_path", optional: true } } }, {});
    }).not.toThrow();
  });
});

describe("an input file", () => {
  const read = { args_template: ["{in}"], params: { in: { type: "workspace_path", direction: "input" } } };

  it.each([".env", "certs/new.pem", "./.env.local"])("is held against path_deny: %s", (path) => {
    expect(denial(read, { in: path }).message).toMatch(/^in: path .* denied by pattern/);
  });

  it.each([
    [".git/config", "denied by pattern"],
    [".GIT/config", "denied by pattern"],
    ["a/.git/x", "denied by pattern"],
    [".cmd2host-staging/x", "denied by pattern"],
    ["../x", "escapes repo_path"],
    ["/etc/passwd", "is absolute"],
    ["leave/x", "escapes repo_path"],
    ["", "bare directory"],
    [".", "directory"],
    ["src", "directory"],
    ["*.go", "glob"],
    [":/x", "magic"],
    ["a\\b", "glob"],
  ])("is held against every other rule of paths, also without path_deny: %j", (path, why) => {
    expect(denial(read, { in: path }).message).toContain(why);
    expect(denial(read, { in: path }, { deny: [] }).message).toContain(why);
  });

  it("may be any other file of the workspace", () => {
    expect(() => {
      check(read, { in: "src/main.go" });
      check(read, { in: "src/main.go" }, { deny: [] });
    }).not.toThrow();
  });
});

describe("git add", () => {
  const flags = ["--pathspec-from-file", "--pathspec-file-nul", "-A", "--all", "-u", "--update", "-v"];
  const withFlags = { ...add, allowed_flags: flags, bool_flags: ["--pathspec-file-nul", "--all", "--update"] };

  it.each([["--pathspec-from-file=x"], ["--pathspec-from-file"], ["--pathspec-file-nul"], ["--pathspec-file-nul=x"]])(
    "may not take its paths from a file, with or without paths: %s",
    (flag) => {
      for (const params of [{}, { paths: ["src/main.go"] }]) {
        expect(denial(withFlags, params, { flags: [flag] }).message).toContain("pathspec source cannot be enforced");
      }
    },
  );

  it.each([["-A"], ["--all"], ["-u"], ["--update"], ["--all=true"], ["-A=x"]])(
    "may not take all when no path is given: %s",
    (flag) => {
      expect(denial(withFlags, {}, { flags: [flag] }).message).toContain("requires explicit paths");
      expect(denial(withFlags, { paths: [] }, { flags: [flag] }).message).toContain("requires explicit paths");
      expect(() => {
        check(withFlags, { paths: ["src/main.go"] }, { flags: [flag] });
        check(withFlags, {}, { flags: [flag], deny: [] });
      }).not.toThrow();
    },
  );

  it.each([
    ["/usr/bin/git", ["add"]],
    ["git.exe", ["add"]],
    ["git", ["-C", "x", "add"]],
    ["git", ["-c", "a=b", "add"]],
    ["git", ["stage"]],
  ])("is known however it is written: %s %j", (command, template) => {
    const operation = { command, args_template: template, allowed_flags: ["-A"] };
    expect(denial(operation, {}, { flags: ["-A"] }).message).toContain("requires explicit paths");
  });

  it("takes a path of any path parameter, or of a text called paths, for an explicit one", () => {
    for (const [name, type, value] of [
      ["files", "paths", ["src/main.go"]],
      ["file", "path", "src/main.go"],
      ["paths", "string", "src/main.go"],
    ] as const) {
      const operation = {
        command: "git",
        args_template: ["add", `{${name}}`],
        params: { [name]: { type } },
        allowed_flags: ["-A"],
      };
      expect(() => {
        check(operation, { [name]: value }, { flags: ["-A"] });
      }, name).not.toThrow();
    }
  });

  it.each([
    ["git", ["commit"]],
    ["git", []],
    ["hg", ["add"]],
  ])("is not %s %j", (command, template) => {
    expect(() => {
      check({ command, args_template: template, allowed_flags: ["-A"] }, {}, { flags: ["-A"] });
    }).not.toThrow();
  });
});
