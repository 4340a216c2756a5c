import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Host } from "./harness.ts";

const text = { word: { type: "string", pattern: "^[a-z]+$" } };

function config(host: Host, changes: object = {}): object {
  return {
    repos: ["owner/repo"],
    repo_paths: [host.checkout],
    allowed_operations: ["say", "careful"],
    operations: {
      say: { command: "echo", args_template: ["{word}"], params: text, ...changes },
      careful: { command: "echo", args_template: ["{word}"], params: text, approval: "ask" },
      other: { command: "echo" },
    },
  };
}

const CASES = [
  { name: "says a word", request: { operation: "say", params: { word: "hello" } }, argv: ["hello"] },
  { name: "says no number", request: { operation: "say", params: { word: "7" } }, denied: "param_invalid" },
  { name: "a typed line", request: { raw_argv: ["echo", "a", "b"] }, denied: "argv_no_match" },
  { name: "asks first", request: { operation: "careful", params: { word: "x" } }, ask: true, argv: ["x"] },
  { name: "asks, whatever the words", request: { operation: "careful", params: { word: "x" } }, ask: true },
  { name: "is not allowed", request: { operation: "other" }, denied: "operation_not_allowed" },
];

function withCases(cases: unknown = { cases: CASES }, changes: object = {}): Host {
  const host = new Host();
  host.program("echo");
  host.project("p", config(host, changes));
  const words = typeof cases === "string" ? cases : JSON.stringify(cases);
  writeFileSync(host.projectFile("p", "cases.json"), words, { mode: 0o600 });
  return host;
}

describe("cmd2host config test", () => {
  it("holds a configuration against its cases, approved or not", async () => {
    const { exit, stdout, stderr } = await withCases().run("config", "test", "p");
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "p: 6 of 6 cases hold",
      '  ok  says a word               allow ["hello"]',
      "  ok  says no number            deny param_invalid",
    ]);
  });

  it("says what was expected and what came, and exits with 1", async () => {
    const wrong = [
      { name: "other words", request: { operation: "say", params: { word: "hello" } }, argv: ["bye"] },
      { name: "another code", request: { operation: "other" }, denied: "operation_unknown" },
      { name: "not asked", request: { operation: "careful", params: { word: "x" } }, argv: ["x"] },
      { name: "no such request", request: { hello: 1 }, denied: "operation_unknown" },
    ];
    const host = withCases({ cases: [...CASES, ...wrong] });
    const { exit, stdout } = await host.run("config", "test");
    expect(exit).toBe(1);
    expect(stdout).toContain("p: 6 of 10 cases hold\n");
    expect(stdout).toContain('\n  other words\n      expected allow ["bye"]\n      got      allow ["hello"]\n');
    expect(stdout).toContain(
      "      expected deny operation_unknown\n      got      deny operation_not_allowed: Operation",
    );
    expect(stdout).toContain('      expected allow ["x"]\n      got      ask ["x"]\n');
    expect(stdout).toContain("      got      deny request_invalid: ");
    const json = JSON.parse((await host.run("config", "test", "p", "--json")).stdout) as {
      readonly failed: number;
      readonly tested: readonly {
        readonly project: string;
        readonly results: readonly { readonly passed: boolean }[];
      }[];
    };
    expect([json.failed, json.tested[0]?.project]).toEqual([4, "p"]);
    expect(json.tested[0]?.results.map(({ passed }) => passed)).toEqual([
      ...CASES.map(() => true),
      ...wrong.map(() => false),
    ]);
  });

  it.each([
    ["not JSON", "{", "cases.json"],
    ["a case without an answer", { cases: [{ name: "n", request: {} }] }, 'case "n" must say one of'],
    ["a case with two", { cases: [{ name: "n", request: {}, argv: [], denied: "x" }] }, "must say one of"],
    [
      "a request of the wrong form",
      { cases: [{ name: "n", request: { operation: 1 }, denied: "x" }] },
      "/cases/0/request/operation",
    ],
    ["no list", {}, "/cases"],
  ])("refuses a file that is %s, and says where", async (_what, cases, where) => {
    const { exit, stderr } = await withCases(cases).run("config", "test", "p");
    expect(exit).toBe(1);
    expect(stderr).toContain(where);
    expect(stderr).toContain("docs/policy-tests.md");
  });

  it("warns of members that it does not know, and shows names without what could steer a terminal", async () => {
    const nasty = "\u001b[2J\u202ename";
    const host = withCases({
      cases: [{ name: nasty, request: { operation: "other" }, denied: "operation_unknown", deny: 1 }],
    });
    const { stdout, stderr } = await host.run("config", "test", "p");
    expect(stderr).toContain("unknown member /cases/0/deny");
    expect(stdout).toContain("\\x1b[2J\\u202ename");
    expect(stdout).not.toContain("\u001b");
  });

  it("says when there are no cases: an error for a project that is named", async () => {
    const host = new Host();
    host.project("p", config(host));
    expect(await host.run("config", "test")).toMatchObject({ exit: 0, stdout: "p: no cases\n" });
    const { exit, stderr } = await host.run("config", "test", "p");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("there are no cases")]);
    expect(await new Host().run("config", "test")).toMatchObject({ exit: 0, stdout: "No projects configured.\n" });
  });
});

describe("cases that change", () => {
  it("are shown by config diff and by config allow, with what widens marked", async () => {
    const host = withCases();
    await host.run("config", "allow", "p");
    expect((await host.run("config", "diff", "p")).stdout).not.toContain("Cases that change");
    host.project("p", config(host, { params: { word: { type: "string", pattern: "^[0-9]+$" } } }));
    const section = [
      "Cases that change (+ may do more or something else, - less):",
      "  - says a word",
      '      was allow ["hello"]',
      "      is  deny param_invalid",
      "  + says no number",
      "      was deny param_invalid",
      '      is  allow ["7"]',
      "",
    ].join("\n");
    const diff = await host.run("config", "diff", "p");
    expect(diff.stdout).toContain(section);
    const json = JSON.parse((await host.run("config", "diff", "p", "--json")).stdout) as { readonly cases: object };
    expect(json.cases).toMatchObject({ failed: 2, total: 6, changed: [{ widens: false }, { widens: true }] });
    const allow = await host.run("config", "allow", "p");
    expect(allow.stdout).toContain(section);
    expect(allow.stderr).toContain("warning: 2 of the 6 cases of p do not hold; see cmd2host config test p\n");
  });

  it("count other arguments as something else", async () => {
    const host = withCases();
    await host.run("config", "allow", "p");
    host.project("p", config(host, { args_template: ["--all", "{word}"] }));
    expect((await host.run("config", "diff", "p")).stdout).toContain(
      '  + says a word\n      was allow ["hello"]\n      is  allow ["--all", "hello"]\n',
    );
  });
});

describe("cases of a new project", () => {
  it.each(["readonly", "git_github_write", "github_write", "git_write", "aws_selected", "local_demo"])(
    "of template %s hold, some of each operation, and are kept when it is written again",
    async (template) => {
      const host = new Host();
      const init = ["config", "init", "--repo=me/mine", `--repo-path=${host.checkout}`, `--template=${template}`];
      const made = await host.run(...init);
      expect(made.exit).toBe(0);
      const file = host.projectFile("me_mine", "cases.json");
      expect(made.stdout).toContain(`Cases: ${file} (cmd2host config test me_mine)\n`);
      const written = readFileSync(file, "utf8");
      expect(written).not.toContain("OWNER/REPO");
      expect(written.length).toBeLessThan(20_000);
      const tested = await host.run("config", "test", "me_mine");
      expect(tested.exit).toBe(0);
      const { cases } = JSON.parse(written) as { cases: readonly { argv?: unknown; denied?: unknown }[] };
      expect(cases.some(({ argv }) => argv !== undefined) && cases.some(({ denied }) => denied !== undefined)).toBe(
        true,
      );
      writeFileSync(file, '{"cases":[]}\n', { mode: 0o600 });
      expect((await host.run(...init, "--force")).exit).toBe(0);
      expect(readFileSync(file, "utf8")).toBe('{"cases":[]}\n');
    },
  );

  it("name the repository where there are several, and leave out what the choices made untrue", async () => {
    const host = new Host();
    const { exit } = await host.run(
      ...[
        "config",
        "init",
        "--repo=me/one",
        "--repo=me/two",
        `--repo-path=${host.checkout}`,
        `--repo-path=${host.root}`,
      ],
      ...["--template=git_write", "--branch=robot/.+", "--host=git.example"],
    );
    expect(exit).toBe(0);
    expect(existsSync(host.projectFile("me_one", "cases.json"))).toBe(true);
    expect((await host.run("config", "test", "me_one")).exit).toBe(0);
    const written = readFileSync(host.projectFile("me_one", "cases.json"), "utf8");
    expect(written).toContain('"target_repo":"me/one"');
    expect(written).toContain("git@git.example:me/one.git");
  });
});
