import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import { refusal } from "../operation/policy.ts";

const BASE = { repos: ["owner/repo"], repo_paths: ["/repos/one"] };
const op = (fields: object): object => ({ operations: { op: { command: "tool", ...fields } } });
const param = (schema: object): object => op({ params: { p: schema } });

interface Fault {
  readonly line: number;
  readonly column: number;
  readonly pointer: string;
  readonly message: string;
}

function faultOf(text: string): Fault {
  const error = refusal(() => compileProject("id", Buffer.from(text), "/base/config.json"));
  expect(error.code).toBe("config_invalid");
  const match = /^invalid project config: \/base\/config\.json:(\d+):(\d+): (?:at (\/.*?): )?(.*)$/su.exec(
    error.message,
  );
  if (match === null) throw new Error(`not in the usual form: ${error.message}`);
  return { line: Number(match[1]), column: Number(match[2]), pointer: match[3] ?? "", message: match[4] ?? "" };
}

/** The text from the place that a fault names. */
function textAt(text: string, { line, column }: Fault): string {
  return (text.split("\n")[line - 1] ?? "").slice(column - 1);
}

/** [what, members of the configuration, pointer, message, what stands at the place that is named] */
type Case = readonly [string, object, string, string | RegExp, string];

const REPOS: readonly Case[] = [
  ["no repository", { repos: [], repo_paths: [] }, "/repos", "expected at least one owner/name", "[]"],
  [
    "neither repos nor repo",
    { repos: undefined, repo_paths: undefined },
    "/repos",
    "expected at least one owner/name",
    "{",
  ],
  [
    "an empty repo of the older form",
    { repos: undefined, repo_paths: undefined, repo: "" },
    "/repos",
    "expected at least one owner/name",
    "{",
  ],
  [
    "more repos than paths",
    { repos: ["a/b", "c/d"] },
    "/repo_paths",
    "expected one path per repository: 2 repos, 1 repo_paths",
    "[",
  ],
  [
    "more paths than repos",
    { repo_paths: ["/a", "/b"] },
    "/repo_paths",
    "expected one path per repository: 1 repos, 2 repo_paths",
    "[",
  ],
  [
    "an older form without a path",
    { repos: undefined, repo_paths: undefined, repo: "a/b" },
    "/repo_paths",
    /1 repos, 0 repo_paths/,
    "{",
  ],
  [
    "an older form with an empty path",
    { repos: undefined, repo_paths: undefined, repo: "a/b", repo_path: "" },
    "/repo_paths",
    /1 repos, 0 repo_paths/,
    "{",
  ],
  ["an empty path", { repo_paths: [""] }, "/repo_paths/0", "expected a path, got an empty text", '""'],
  ["a repository twice", { repos: ["a/b", "a/b"], repo_paths: ["/a", "/b"] }, "/repos/1", "a/b stands twice", '"a/b"'],
  ["a path twice", { repos: ["a/b", "c/d"], repo_paths: ["/a", "/a"] }, "/repo_paths/1", "/a stands twice", '"/a"'],
  [
    "a path twice after cleaning",
    { repos: ["a/b", "c/d"], repo_paths: ["/a", "/x/..//a/."] },
    "/repo_paths/1",
    "/a stands twice",
    '"/x/..//a/."',
  ],
  ...[
    "invalidrepo",
    "owner/repo/extra",
    "-owner/repo",
    "owner/",
    "/repo",
    "",
    "owner/.git",
    "o wner/repo",
    "owner/repo\n",
    "../..",
    "öwner/repo",
  ].map((name): Case => [
    `the repository ${JSON.stringify(name)}`,
    { repos: [name] },
    "/repos/0",
    `expected owner/name, got ${JSON.stringify(name)}`,
    JSON.stringify(name),
  ]),
  [
    "a host of another repository",
    { repo_hosts: { "x/y": "github.com" } },
    "/repo_hosts/x~1y",
    '"x/y" is not one of repos',
    '"github.com"',
  ],
  [
    "a host that is not allowed",
    { repo_hosts: { "owner/repo": "evil.com" } },
    "/repo_hosts/owner~1repo",
    '"evil.com" is not one of constraints.remote_hosts_allow',
    '"evil.com"',
  ],
  [
    "a default host that another list does not allow",
    { repo_hosts: { "owner/repo": "github.com" }, constraints: { remote_hosts_allow: ["gitlab.com"] } },
    "/repo_hosts/owner~1repo",
    '"github.com" is not one of constraints.remote_hosts_allow',
    '"github.com"',
  ],
];

const FORMS: readonly Case[] = ["repo", "repo_path"].flatMap((single) =>
  ["repos", "repo_paths"].map((list): Case => [
    `${single} beside ${list}`,
    { repos: undefined, repo_paths: undefined, [single]: null, [list]: null },
    `/${single}`,
    `mixing is not allowed: ${single} and ${list} stand side by side`,
    "null",
  ]),
);

const ENV: readonly Case[] = [
  ...[
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "DYLD_FALLBACK_FRAMEWORK_PATH",
  ].map((name): Case => [
    name,
    { env: { [name]: "" }, env_unsafe: [name] },
    `/env/${name}`,
    `${name} chooses what code is loaded into the program and cannot be set`,
    '""',
  ]),
  [
    "PATH that nobody named",
    { env: { PATH: "/x" } },
    "/env/PATH",
    /^PATH can change which program, host or configuration is used; list it in env_unsafe/,
    '"/x"',
  ],
  [
    "a variable when another is named",
    { env: { GIT_SSH: "x" }, env_unsafe: ["PATH"] },
    "/env/GIT_SSH",
    /list it in env_unsafe/,
    '"x"',
  ],
  ["an impossible name", { env: { "A B": "x" } }, "/env/A B", '"A B" cannot be the name of a variable', '"x"'],
  ["a name with a slash", { env: { "a/b~c": "x" } }, "/env/a~1b~0c", '"a/b~c" cannot be the name of a variable', '"x"'],
  ["a NUL in a value", { env: { A: "x\0y" } }, "/env/A", "the value of A has a NUL", '"x'],
];

const PATTERNS: readonly Case[] = [
  [
    "a look-ahead",
    param({ type: "string", pattern: "(?=a)" }),
    "/operations/op/params/p/pattern",
    /^pattern "\(\?=a\)" is not RE2: /,
    '"(?=a)"',
  ],
  [
    "a back reference",
    param({ type: "string", pattern: "(a)\\1" }),
    "/operations/op/params/p/pattern",
    /is not RE2/,
    '"(a)',
  ],
  [
    "a broken pattern",
    param({ type: "integer", pattern: "(" }),
    "/operations/op/params/p/pattern",
    /is not RE2/,
    '"("',
  ],
  [
    "a repetition without bounds",
    param({ type: "string", pattern: "(a{1000}){1000}" }),
    "/operations/op/params/p/pattern",
    /is not RE2/,
    '"(a',
  ],
  [
    "a broken pattern of a flag",
    op({ allowed_flags: ["--a", { flag: "--x", pattern: "[" }] }),
    "/operations/op/allowed_flags/1/pattern",
    /is not RE2/,
    '"["',
  ],
  [
    "a broken branch pattern",
    { constraints: { branch_allow: ["ai/.+", "("] } },
    "/constraints/branch_allow/1",
    /^constraints: invalid branch pattern "\(": /,
    '"("',
  ],
];

const OPERATIONS: readonly Case[] = [
  ["an operation that is null", { operations: { op: null } }, "/operations/op", "expected object, got null", "null"],
  [
    "an operation that is a text",
    { operations: { op: "x" } },
    "/operations/op",
    'expected object, got string "x"',
    '"x"',
  ],
  [
    "a parameter that is null",
    op({ params: { p: null } }),
    "/operations/op/params/p",
    "expected object, got null",
    "null",
  ],
  [
    "an allowed operation that is not defined",
    { ...op({}), allowed_operations: ["op", "nope"] },
    "/allowed_operations/1",
    'references unknown operation "nope"',
    '"nope"',
  ],
  [
    "an allowed operation called like a member of every object",
    { allowed_operations: ["constructor"] },
    "/allowed_operations/0",
    'references unknown operation "constructor"',
    '"constructor"',
  ],
  [
    "an allowed operation that differs in case",
    { ...op({}), allowed_operations: ["OP"] },
    "/allowed_operations/0",
    'references unknown operation "OP"',
    '"OP"',
  ],
  [
    "a placeholder without a schema",
    op({ args_template: ["a", "{nope}"] }),
    "/operations/op/args_template/1",
    "placeholder {nope} has no schema: it is no parameter, no env entry, and none of repo, repo_path, expected_git_url",
    '"{nope}"',
  ],
  [
    "a placeholder inside a text without a schema",
    op({ args_template: ["a={b}{repo}"] }),
    "/operations/op/args_template/0",
    /^placeholder \{b\} has no schema/,
    '"a={b}{repo}"',
  ],
  [
    "a placeholder called like a member of every object",
    op({ args_template: ["{toString}"] }),
    "/operations/op/args_template/0",
    /^placeholder \{toString\}/,
    '"{toString}"',
  ],
  ["a NUL in the template", op({ args_template: ["a\0b"] }), "/operations/op/args_template/0", "has a NUL", '"a'],
  [
    "rules for a flag without a value",
    op({ allowed_flags: [{ flag: "--x" }], bool_flags: ["--x"] }),
    "/operations/op/allowed_flags/0",
    '"--x" takes no value (bool_flags), so it can have no rules for one',
    "{",
  ],
  [
    "a flag twice, once with rules",
    op({ allowed_flags: [{ flag: "--x", pattern: "a" }, "--x"] }),
    "/operations/op/allowed_flags/1",
    '"--x" stands twice, and one of them has rules',
    '"--x"',
  ],
  [
    "a flag twice with rules",
    op({ allowed_flags: ["--x", { flag: "--x" }] }),
    "/operations/op/allowed_flags/1",
    /stands twice/,
    "{",
  ],
  [
    "a place in an operation with an awkward name",
    { operations: { "a/b~c": { args_template: ["{x}"] } } },
    "/operations/a~1b~0c/args_template/0",
    /^placeholder \{x\}/,
    '"{x}"',
  ],
];

const OUTPUTS: readonly Case[] = [
  [
    "an unknown direction",
    param({ type: "workspace_path", direction: "sideways" }),
    "/operations/op/params/p/direction",
    'unknown direction "sideways"',
    '"sideways"',
  ],
  [
    "two output files",
    op({ params: { a: { type: "workspace_path" }, b: { type: "workspace_path" } } }),
    "/operations/op/params",
    'at most one workspace_path parameter with direction "output", found a, b',
    "{",
  ],
  [
    "nine input files",
    op({
      params: Object.fromEntries(
        Array.from("abcdefghi").map((name) => [name, { type: "workspace_path", direction: "input" }]),
      ),
    }),
    "/operations/op/params",
    'at most 8 workspace_path parameters with direction "input", found 9',
    "{",
  ],
  [
    "a file of no size",
    param({ type: "workspace_path", max_bytes: 0 }),
    "/operations/op/params/p/max_bytes",
    "must be >= 1, got number 0",
    "0",
  ],
  [
    "a file of a broken size",
    param({ type: "workspace_path", max_bytes: 1.5 }),
    "/operations/op/params/p/max_bytes",
    "expected integer, got number 1.5",
    "1.5",
  ],
];

const VALUES: readonly Case[] = [
  [
    "an enum without its values",
    param({ type: "enum" }),
    "/operations/op/params/p",
    "type enum needs enum, the list of the values that are accepted",
    "{",
  ],
  [
    "an enum with no values",
    op({ allowed_flags: [{ flag: "--x", type: "enum", enum: [] }] }),
    "/operations/op/allowed_flags/0",
    /type enum needs enum/,
    "{",
  ],
  [
    "a scheme with its colon",
    param({ type: "url", schemes: ["https", "http:"] }),
    "/operations/op/params/p/schemes/1",
    'expected a scheme in small letters, got "http:"',
    '"http:"',
  ],
  [
    "a scheme in capitals",
    op({ allowed_flags: [{ flag: "--x", type: "url", schemes: ["HTTP"] }] }),
    "/operations/op/allowed_flags/0/schemes/0",
    /expected a scheme/,
    '"HTTP"',
  ],
  ...["https://a", "A", "a/b", "*.a", "a b", "u@a", "", "a:x", "a:123456", `${"a.".repeat(127)}a`].map((host): Case => [
    `the host ${host.slice(0, 20)}`,
    param({ type: "url", hosts: [host] }),
    "/operations/op/params/p/hosts/0",
    /expected a host in small letters/,
    JSON.stringify(host),
  ]),
  [
    "a broken least integer of a flag",
    op({ allowed_flags: [{ flag: "--x", type: "integer", min: 0.5 }] }),
    "/operations/op/allowed_flags/0/min",
    "expected integer, got number 0.5",
    "0.5",
  ],
  [
    "a broken greatest integer",
    param({ type: "integer", max: 1.5 }),
    "/operations/op/params/p/max",
    "expected integer, got number 1.5",
    "1.5",
  ],
  [
    "a flag of a type that is none for flags",
    op({ allowed_flags: [{ flag: "--x", type: "array" }] }),
    "/operations/op/allowed_flags/0",
    /expected/,
    "",
  ],
];

const PLACES: readonly Case[] = [
  [
    "git that is told where to run",
    op({ command: "/usr/bin/git", run_in: "empty" }),
    "/operations/op/run_in",
    "git does not take run_in: it always runs in directories of the daemon's own",
    '"empty"',
  ],
  [
    "a program of git's that is told where to run",
    op({ command: "git-lfs", run_in: "workspace" }),
    "/operations/op/run_in",
    /^git does not take run_in/,
    '"workspace"',
  ],
  [
    "gh in the workspace",
    op({ command: "/opt/bin/gh.exe", run_in: "workspace" }),
    "/operations/op/run_in",
    /^gh does not run in the workspace/,
    '"workspace"',
  ],
  ["a place that nobody knows", op({ run_in: "/tmp" }), "/operations/op/run_in", /expected/, '"/tmp"'],
];

const TYPES: readonly Case[] = [
  [
    "repos that are a text",
    { repos: "owner/repo" },
    "/repos",
    'expected array, got string "owner/repo"',
    '"owner/repo"',
  ],
  ["a repository that is a number", { repos: [5] }, "/repos/0", "expected string, got number 5", "5"],
  [
    "a limit that is a text",
    param({ type: "string", maxLength: "5" }),
    "/operations/op/params/p/maxLength",
    'expected integer, got string "5"',
    '"5"',
  ],
  [
    "a limit that is a fraction",
    param({ type: "integer", min: 1.5 }),
    "/operations/op/params/p/min",
    "expected integer, got number 1.5",
    "1.5",
  ],
  [
    "optional that is a text",
    param({ type: "string", optional: "yes" }),
    "/operations/op/params/p/optional",
    'expected boolean, got string "yes"',
    '"yes"',
  ],
  [
    "a profile that does not exist",
    op({ profile: "root" }),
    "/operations/op/profile",
    /^expected one of minimal, user, git, git_remote_strict, gh, aws, got string "root"/,
    '"root"',
  ],
  ["a time limit of 0", op({ timeout: 0 }), "/operations/op/timeout", />= 1/, "0"],
  ["an env value that is a number", { env: { A: 1 } }, "/env/A", "expected string, got number 1", "1"],
  ["an env value that is null", { env: { A: null } }, "/env/A", "expected string, got null", "null"],
  [
    "a flag type that does not exist",
    op({ allowed_flags: [{ flag: "--x", type: "x" }] }),
    "/operations/op/allowed_flags/0",
    /./,
    "",
  ],
];

function whole(changes: object): string {
  return JSON.stringify({ ...BASE, ...changes }, null, 2);
}

describe.each([
  ["repositories", REPOS],
  ["the two forms", FORMS],
  ["env", ENV],
  ["patterns", PATTERNS],
  ["operations", OPERATIONS],
  ["output files", OUTPUTS],
  ["values", VALUES],
  ["places to run", PLACES],
  ["types", TYPES],
])("a configuration is refused for %s:", (_, cases) => {
  it.each(cases)("%s", (__, changes, pointer, message, there) => {
    const text = whole(changes);
    const fault = faultOf(text);
    expect(fault.pointer.startsWith(pointer) || `${fault.pointer} ${fault.message}`.startsWith(pointer)).toBe(true);
    if (typeof message === "string") expect(`${fault.pointer}: ${fault.message}`.endsWith(message)).toBe(true);
    else expect(fault.message).toMatch(message);
    expect(textAt(text, fault).startsWith(there), `${textAt(text, fault)} at ${fault.line}:${fault.column}`).toBe(true);
  });
});

describe("a file is refused that", () => {
  it.each([
    ["is empty", "", 1, 1, "is empty; expected a JSON object"],
    ["is cut short", '{\n  "repos": [', 2, 13, "unexpected EOF"],
    ["has a comma too many", '{\n "repos": ["a/b",]}', 2, 18, "where a value is expected"],
    ["has a comment", "{\n // x\n}", 2, 2, "where a member name is expected"],
    ["has a member twice", '{"repos": [],\n "repos": []}', 2, 8, 'duplicate member "repos"'],
    ["has a member twice deep inside", '{"operations": {"a": {},\n "a": {}}}', 2, 4, 'duplicate member "a"'],
    ["has a member twice in different case", '{"repos": [],\n "Repos": []}', 2, 11, "stands twice, in different case"],
    ["has __proto__", '{"env": {"__proto__": "x"}}', 1, 20, '"__proto__" is refused'],
    ["has half a surrogate pair", '{"a": "\\ud800"}', 1, 14, "lone surrogate"],
    ["goes on behind the object", '{"repos": []}\n{}', 1, 14, "something follows the JSON object"],
    ["has a byte order mark", "\ufeff{}", 1, 1, "where a value is expected"],
    ["is no object", "[]", 1, 1, "expected object, got array"],
    ["is null", "null", 1, 1, "expected object, got null"],
    ["is nested without end", "[".repeat(1_000), 1, 129, "nested deeper than 128"],
  ])("%s", (_, text, line, column, message) => {
    const fault = faultOf(text);
    expect(fault.message).toContain(message);
    expect([fault.line, fault.column]).toEqual([line, column]);
  });

  it("is no UTF-8", () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
    expect(refusal(() => compileProject("id", bytes, "f")).message).toBe("invalid project config: f:1:1: is not UTF-8");
  });
});

describe("the first of several faults", () => {
  it("is in the order repositories, env, operations, allowed operations, branches", () => {
    const faults: readonly (readonly [string, object])[] = [
      ["/repos", { repos: ["bad"] }],
      ["/repo_paths", { repo_paths: [""] }],
      ["/env", { env: { LD_PRELOAD: "x" } }],
      ["/operations", param({ type: "string", pattern: "(" })],
      ["/allowed_operations", { allowed_operations: ["nope"] }],
      ["/constraints", { constraints: { branch_allow: ["("] } }],
    ];
    for (const [index, [pointer]] of faults.entries()) {
      const rest = Object.assign({}, ...faults.slice(index).map(([, changes]) => changes)) as object;
      expect(faultOf(whole(rest)).pointer.startsWith(pointer), pointer).toBe(true);
    }
  });
});

describe("a message about a configuration", () => {
  it("has no control characters", () => {
    const long = `\u001b[2J${"x".repeat(10_000)}`;
    for (const changes of [
      { repos: [long] },
      { env: { [long]: "x" } },
      param({ type: "string", pattern: `(${long}` }),
      op({ args_template: [`{${long}}`] }),
      { repo_paths: [long, long], repos: ["a/b", "c/d"] },
    ]) {
      const { message } = refusal(() => compileProject("id", Buffer.from(whole(changes)), "f"));
      expect(message).not.toContain("\u001b");
    }
  });

  it("never repeats a value of env", () => {
    for (const name of ["LD_PRELOAD", "PATH", "A B", "A"]) {
      const value = name === "A" ? "secret\0" : "secret";
      const { message } = refusal(() => compileProject("id", Buffer.from(whole({ env: { [name]: value } })), "f"));
      expect(message).not.toContain("secret");
    }
  });
});

describe("git_config", () => {
  it("is refused where it could not be handed to git", () => {
    for (const git_config of [{ "a.b": "x\0y" }, { "a\n.b": "x" }, { "a\0.b": "x" }]) {
      const text = JSON.stringify({ repos: ["o/r"], repo_paths: ["/r"], git_config });
      expect(() => compileProject("p", Buffer.from(text), "f")).toThrow("expected a key without NUL or line break");
    }
  });
});
