import { describe, expect, it } from "vitest";
import { compileProject, type LoadedProject } from "../../host/project/compile.ts";
import { changeLines, compareProjects, textualDiff } from "../../host/project/diff.ts";

const OP = { command: "/bin/gh", args_template: ["pr", "list"] };

function load(config: object): LoadedProject {
  return compileProject(
    "p",
    Buffer.from(JSON.stringify({ repos: ["owner/repo"], repo_paths: ["/srv/repo"], ...config })),
    "f",
  );
}

/** Changes from `before` to `after`, each as `effect text`. */
function changes(before: object, after: object): readonly string[] {
  return compareProjects(load(before), load(after)).map((change) => `${change.effect} ${change.text}`);
}

/** Changes between two forms of one allowed operation. */
function operation(before: object, after: object): readonly string[] {
  const project = (one: object): object => ({ allowed_operations: ["op"], operations: { op: { ...OP, ...one } } });
  return changes(project(before), project(after));
}

const param = (before: object, after: object): readonly string[] => {
  const args = { args_template: ["{x}"] };
  return operation(
    { ...args, params: { x: { type: "string", ...before } } },
    { ...args, params: { x: { type: "string", ...after } } },
  );
};

const flag = (before: object | string, after: object | string): readonly string[] =>
  operation({ allowed_flags: [before] }, { allowed_flags: [after] });

describe("without an earlier approval", () => {
  it("everything is new and widens, with what each operation accepts", () => {
    const after = load({
      allowed_operations: ["op"],
      operations: {
        op: {
          ...OP,
          params: { n: { type: "integer", min: 1 } },
          args_template: ["pr", "view", "{n}"],
          allowed_flags: ["--web"],
          bool_flags: ["--web"],
        },
        other: OP,
      },
    });
    const found = compareProjects(undefined, after);
    expect(found.map((change) => `${change.effect} ${change.text}`)).toEqual([
      "widens adds operation op: /bin/gh pr view {n}",
      "widens adds repository owner/repo on github.com at /srv/repo",
      "changes defines other without allowing it: /bin/gh pr list",
    ]);
    expect(changeLines(found).slice(0, 3)).toEqual([
      "  + adds operation op: /bin/gh pr view {n}",
      "      param n: integer, at least 1",
      "      flag --web (no value)",
    ]);
  });
});

describe("the same policy", () => {
  it("in other words has no changes", () => {
    const one = { allowed_operations: ["op"], operations: { op: OP }, constraints: { path_deny: [] } };
    const other = {
      operations: { op: { ...OP, params: {}, allowed_flags: [], bool_flags: null } },
      ALLOWED_OPERATIONS: ["op", "op"],
      note: 1,
    };
    expect(changes(one, other)).toEqual([]);
  });
});

describe("operations", () => {
  it("that are added widen, that are removed narrow, and what widens comes first", () => {
    expect(
      changes(
        { allowed_operations: ["a"], operations: { a: OP, b: OP } },
        { allowed_operations: ["b"], operations: { a: OP, b: OP } },
      ),
    ).toEqual(["widens adds operation b: /bin/gh pr list", "narrows removes operation a"]);
  });

  it("that may not run are mentioned", () => {
    const project = (operations: object): object => ({ operations });
    expect(changes(project({ a: OP, b: OP }), project({ a: { ...OP, description: "x" }, c: OP }))).toEqual([
      "changes changes a, which is not allowed",
      "changes defines c without allowing it: /bin/gh pr list",
      "changes drops the definition of b, which was not allowed",
    ]);
  });

  it.each([
    [{}, { command: "/bin/other" }, "widens command of op changes from /bin/gh to /bin/other"],
    [{}, { args_template: ["pr", "merge"] }, "widens arguments of op change"],
    [{}, { profile: "user" }, "widens profile of op changes from by the program's name to user"],
    [{ timeout: 5 }, { timeout: 50 }, "widens timeout of op changes from 5 to 50"],
    [{ timeout: 50 }, { timeout: 5 }, "narrows timeout of op changes from 50 to 5"],
    [{ timeout: 50 }, {}, "widens timeout of op changes from 50 to the daemon's default"],
    [{}, { max_stdout_bytes: 5 }, "widens max_stdout_bytes of op changes from the daemon's default to 5"],
    [{}, { on_disconnect: "finish" }, "widens op runs to its end when the client goes away"],
    [{}, { description: "x" }, "changes changes the description of op"],
  ])("%j → %j", (before, after, expected) => {
    expect(operation(before, after)).toEqual([expected]);
  });

  it("whose arguments change show both forms", () => {
    const project = (args: readonly string[]): LoadedProject =>
      load({ allowed_operations: ["op"], operations: { op: { ...OP, args_template: args } } });
    expect(changeLines(compareProjects(project(["a b"]), project(["c"])))).toEqual([
      "  + arguments of op change",
      '      from /bin/gh "a b"',
      "      to   /bin/gh c",
    ]);
  });
});

const FILE = { type: "workspace_path" };

describe("parameters", () => {
  it.each([
    [{ pattern: "^a$" }, {}, "widens widens param x of op: pattern ^a$ removed"],
    [{}, { pattern: "^a$" }, "narrows narrows param x of op: pattern ^a$ added"],
    [{ pattern: "^a$" }, { pattern: "^b$" }, "widens changes param x of op: pattern ^a$ becomes ^b$"],
    [{ maxLength: 5 }, { maxLength: 6 }, "widens widens param x of op: maxLength changes from 5 to 6"],
    [{ maxLength: 6 }, { maxLength: 5 }, "narrows narrows param x of op: maxLength changes from 6 to 5"],
    [{ maxLength: 5 }, { maxLength: 0 }, "widens widens param x of op: maxLength 5 removed"],
    [{ minLength: 5 }, { minLength: 4 }, "widens widens param x of op: minLength changes from 5 to 4"],
    [{ min: 1 }, { min: 0 }, "widens widens param x of op: min changes from 1 to 0"],
    [{ min: 0 }, {}, "widens widens param x of op: min 0 removed"],
    [{}, { max: 3 }, "narrows narrows param x of op: max 3 added"],
    [{ enum: ["a"] }, { enum: ["a", "b"] }, "widens widens param x of op: also accepts b"],
    [{ enum: ["a", "b"] }, { enum: ["a"] }, "narrows narrows param x of op: no longer accepts b"],
    [{ enum: ["a"] }, {}, "widens widens param x of op: no longer limited to a"],
    [{}, { enum: ["a"] }, "narrows narrows param x of op: limited to a"],
    [{}, { optional: true }, "widens widens param x of op: may be left out"],
    [{ allow_leading_dash: true }, {}, "narrows narrows param x of op: no longer may begin with '-'"],
    [{ type: "integer" }, {}, "widens changes param x of op: type integer becomes string"],
    [{ type: "url" }, { type: "url", schemes: ["https"] }, ""],
    [
      { type: "url" },
      { type: "url", schemes: ["https", "http"] },
      "widens widens schemes of param x of op: also accepts http",
    ],
    [
      { type: "url", schemes: ["https", "http"] },
      { type: "url" },
      "narrows narrows schemes of param x of op: no longer accepts http",
    ],
    [{ type: "url", hosts: ["a"] }, { type: "url" }, "widens widens hosts of param x of op: no longer limited to a"],
    [{ type: "url" }, { type: "url", hosts: ["a"] }, "narrows narrows hosts of param x of op: limited to a"],
    [FILE, { ...FILE, direction: "input" }, "widens changes param x of op: output becomes input"],
    [FILE, { ...FILE, max_bytes: 5 }, "narrows narrows param x of op: max_bytes 5 added"],
    [{ ...FILE, max_bytes: 5 }, FILE, "widens widens param x of op: max_bytes 5 removed"],
    [
      { ...FILE, direction: "input" },
      { ...FILE, direction: "input", max_bytes: 5 },
      "narrows narrows param x of op: max_bytes changes from 67108864 to 5",
    ],
    [{}, { description: "x" }, "changes changes the description of param x of op"],
  ])("%j → %j", (before, after, expected) => {
    expect(param(before, after)).toEqual(expected === "" ? [] : [expected]);
  });

  it("that come and go are named with what they accept", () => {
    expect(
      operation({ params: { a: { type: "integer" } } }, { params: { b: { type: "string", maxLength: 9 } } }),
    ).toEqual(["widens adds param b to op: string, at most 9 bytes", "changes removes param a from op"]);
  });
});

describe("flags", () => {
  it.each([
    ["--a", "--b", ["widens allows flag --b (any value) on op", "narrows takes flag --a away from op"]],
    [
      "--a",
      { flag: "--a", type: "integer", max: 5 },
      ["widens changes flag --a of op: type string becomes integer", "narrows narrows flag --a of op: max 5 added"],
    ],
    [{ flag: "--a", pattern: "^x$" }, "--a", ["widens widens flag --a of op: pattern ^x$ removed"]],
    [
      "--a",
      { flag: "--a", type: "git_branch", repeat: true, allow_leading_dash: true },
      [
        "widens changes flag --a of op: type string becomes git_branch",
        "widens widens flag --a of op: may begin with '-'",
        "widens widens flag --a of op: may be repeated",
      ],
    ],
    [{ flag: "--a", enum: ["x"] }, { flag: "--a", enum: ["x", "y"] }, ["widens widens flag --a of op: also accepts y"]],
  ])("%j → %j", (before, after, expected) => {
    expect(flag(before, after)).toEqual(expected);
  });

  it("that take a value instead of none widen", () => {
    const before = { allowed_flags: ["--a"], bool_flags: ["--a"] };
    expect(operation(before, { allowed_flags: ["--a"] })).toEqual([
      "widens widens flag --a of op: takes one value instead of no value",
    ]);
    expect(operation({ allowed_flags: ["--a"] }, before)).toEqual([
      "narrows narrows flag --a of op: takes no value instead of one value",
    ]);
  });
});

describe("where an operation runs", () => {
  it.each([
    [
      {},
      { run_in: "workspace" },
      "widens op runs in the workspace instead of the directory that is usual for the program",
    ],
    [{ run_in: "workspace" }, { run_in: "empty" }, "narrows op runs in an empty directory instead of the workspace"],
    [
      { run_in: "empty" },
      {},
      "widens op runs in the directory that is usual for the program instead of an empty directory",
    ],
  ])("%j → %j", (before, after, expected) => {
    expect(operation({ command: "make", ...before }, { command: "make", ...after })).toEqual([expected]);
  });

  it("and what it takes stand below an operation that is added", () => {
    const after = load({
      allowed_operations: ["op"],
      operations: {
        op: {
          command: "make",
          run_in: "workspace",
          args_template: ["{in}", "{out}", "{u}"],
          params: {
            in: { type: "workspace_path", direction: "input", max_bytes: 5 },
            out: { type: "workspace_path" },
            u: { type: "url", schemes: ["http", "https"], hosts: ["a.example"] },
          },
          allowed_flags: [{ flag: "--l", type: "git_branch", repeat: true }],
        },
      },
    });
    const lines = changeLines(compareProjects(undefined, after)).map((line) => line.trim());
    expect(lines).toEqual(
      expect.arrayContaining([
        "param in: workspace_path, input, at most 5 bytes of file",
        "param out: workspace_path, output",
        "param u: url, scheme http or https, host a.example",
        "flag --l (git_branch, may be repeated)",
        "runs in the workspace",
      ]),
    );
  });
});

describe("everything around the operations", () => {
  it.each([
    [
      { constraints: { branch_allow: ["ai/.+"] } },
      { constraints: { branch_allow: [".+"] } },
      [
        "widens allows pushes to branches that match .+",
        "narrows no longer allows pushes to branches that match ai/.+",
      ],
    ],
    [
      { constraints: { path_deny: [".env"] } },
      { constraints: { path_deny: ["x"] } },
      ["widens no longer denies paths that match .env", "narrows denies paths that match x"],
    ],
    [{}, { env: { A: "1" } }, ["widens sets env A=1"]],
    [{ env: { A: "1" } }, { env: { A: "2" } }, ["widens changes env A=2"]],
    [{ env: { A: "1" } }, {}, ["widens no longer sets env A"]],
    [{}, { env: { PATH: "/x" }, env_unsafe: ["PATH"] }, ["widens adds env_unsafe PATH", "widens sets env PATH=/x"]],
    [
      {},
      { git_config: { "http.extraHeader": "s3cr3t" } },
      ["widens sets git_config http.extraHeader (value not shown)"],
    ],
    [{}, { repo_paths: ["/srv/other"] }, ["widens path of owner/repo changes from /srv/repo to /srv/other"]],
    [
      {},
      { repos: ["owner/new", "owner/repo"], repo_paths: ["/n", "/srv/repo"] },
      [
        "widens adds repository owner/new on github.com at /n",
        "changes primary repository changes from owner/repo to owner/new; tokens minted for owner/repo stop working",
      ],
    ],
    [
      {},
      { constraints: { remote_hosts_allow: ["h"] } },
      ["widens host of owner/repo changes from github.com to h", "widens adds remote host h"],
    ],
  ])("%j → %j", (before, after, expected) => {
    expect(changes(before, after)).toEqual(expected);
  });
});

describe("what a configuration says", () => {
  it("cannot steer the terminal from an id, a name or a value", () => {
    const evil = "\u001b[2J\u202e";
    const after = load({
      allowed_operations: [evil],
      operations: {
        [evil]: {
          command: evil,
          args_template: [evil, "{n}"],
          params: { n: { type: evil, pattern: "\u202e", enum: [evil] }, [evil]: {} },
          allowed_flags: [evil, { flag: "-x", pattern: "\u202e" }],
        },
      },
      env: { A: evil },
      git_config: { [evil]: evil },
      constraints: { branch_allow: ["\u202e"], path_deny: [evil], remote_hosts_allow: [evil] },
    });
    const lines = changeLines(compareProjects(undefined, after)).join("\n");
    expect(lines).toContain("\\x1b[2J\\u202e");
    expect(lines).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});

describe("the textual difference", () => {
  it("is empty for equal texts", () => {
    expect(textualDiff("a\n", "a\n")).toBe("");
  });

  it("shows lines with context, and control characters as escapes", () => {
    expect(textualDiff("a\nb\n", "a\n\u001b[2J\tc\n")).toBe(
      "--- approved\n+++ current\n@@ -1,2 +1,2 @@\n a\n-b\n+\\x1b[2J\tc\n",
    );
  });
});
