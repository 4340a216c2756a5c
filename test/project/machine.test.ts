import { describe, expect, it } from "vitest";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { canonicalText } from "../../host/project/canonical.ts";
import { commandFinder } from "../../host/cli/find-command.ts";
import { compileProject, type LoadedProject } from "../../host/project/compile.ts";
import { compareProjects } from "../../host/project/diff.ts";
import { lintConfig } from "../../host/project/lint.ts";
import type { OperationTemplate, ProjectConfig } from "../../wire/schema.ts";

function load(config: ProjectConfig): LoadedProject {
  return compileProject("m", Buffer.from(JSON.stringify(config)), "config.json");
}

function machineWith(
  operations: Readonly<Record<string, OperationTemplate>>,
  machine: ProjectConfig["machine"] = {},
): ProjectConfig {
  return { machine, operations, allowed_operations: Object.keys(operations) };
}

function refusal(config: ProjectConfig): string {
  try {
    load(config);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "accepted";
}

const shell: OperationTemplate = { shell: "bash" };
const push: OperationTemplate = { transfer: { direction: "push", roots: ["/srv/www"] } };

describe("a machine's project", () => {
  it("has no repositories, and says what holds for all operations", () => {
    const { project } = load(machineWith({}, { run_as: "deploy", work_dirs: ["/srv/x/", "/var"], wrapper: "rtk" }));
    expect(project.repos).toEqual([]);
    expect(project.machine).toEqual({ runAs: "deploy", workDirs: ["/srv/x", "/var"], wrapper: "rtk" });
  });

  it.each([
    ["repositories beside it", { machine: {}, repos: ["a/b"] }, "a project of a machine has no repos"],
    ["git configuration", { machine: {}, git_config: {} }, "a project of a machine has no git_config"],
    ["branches", { machine: {}, constraints: { branch_allow: [] } }, "a project of a machine has path_deny only"],
    ["a relative directory", { machine: { work_dirs: ["srv"] } }, 'expected an absolute path, got "srv"'],
    ["a user that cannot be one", { machine: { run_as: "a b" } }, 'expected the name of a user, got "a b"'],
    ["a member that is misspelt", { machine: { runas: "x" } }, '"runas" is not known; is run_as meant?'],
    ["a shell with a program", machineWith({ x: { ...shell, command: "sh" } }), "says that by itself"],
    ["a shell with flags", machineWith({ x: { ...shell, allowed_flags: ["--x"] } }), "says that by itself"],
    ["a shell that is a transfer", machineWith({ x: { ...shell, ...push } }), "a shell or a transfer, not both"],
    ["a transfer with standard input", machineWith({ x: { ...push, stdin: "none" } }), "what it reads"],
    [
      "a transfer that masks",
      machineWith({ x: { ...push, redact: { enabled: true } } }),
      "at /operations/x/redact: files are transferred as they are",
    ],
    ["placeholders of repositories", machineWith({ x: { command: "ls", args_template: ["{repo}"] } }), "{repo}"],
    [
      "files of a workspace",
      machineWith({ x: { command: "ls", args_template: ["{f}"], params: { f: { type: "workspace_path" } } } }),
      "at /operations/x/params/f/type: workspace_path copies files into or out of a workspace, and a machine has none",
    ],
    [
      "files of a workspace, as input",
      machineWith({ x: { command: "ls", params: { "a/b": { type: "workspace_path", direction: "input" } } } }),
      "at /operations/x/params/a~1b/type: workspace_path",
    ],
    [
      "an empty directory for another user",
      machineWith({ x: { command: "ls", run_in: "empty" } }, { run_as: "deploy" }),
      "at /operations/x/run_in: empty directories belong to the agent's own user, and it runs as deploy",
    ],
    [
      "a relative root",
      machineWith({ x: { transfer: { direction: "pull", roots: ["srv"] } } }),
      'at /operations/x/transfer/roots/0: expected an absolute path, got "srv"',
    ],
    [
      "a root with a NUL",
      machineWith({ x: { transfer: { direction: "pull", roots: ["/a\0"] } } }),
      "expected an absolute",
    ],
    ["an operation's user that cannot be one", machineWith({ x: { ...shell, run_as: "-x" } }), 'got "-x"'],
    ["an unknown shell", machineWith({ x: { shell: "zsh" as "sh" } }), "/operations/x/shell"],
  ] as [string, ProjectConfig, string][])("does not load with %s", (_, config, why) => {
    expect(refusal(config)).toContain(why);
  });

  it.each(["shell", "transfer", "run_as", "env_allow"])("is the only one whose operations have %s", (name) => {
    const all: OperationTemplate = { shell: "sh", ...push, run_as: "x", env_allow: [] };
    const operation = Object.fromEntries(Object.entries(all).filter(([member]) => member === name));
    const config = { repos: ["a/b"], repo_paths: ["/x"], operations: { x: { command: "ls", ...operation } } };
    expect(refusal(config)).toContain(`${name} belongs to a project with machine`);
  });

  it("hands a shell its command as one argument, whatever it begins with", () => {
    const { operations } = load(machineWith({ a: { shell: "sh" }, b: shell, c: { shell: "fish" } })).project;
    const texts = (id: string): readonly (string | undefined)[] => [
      operations.get(id)?.command,
      ...(operations.get(id)?.template.map(({ text }) => text) ?? []),
    ];
    expect(texts("a")).toEqual(["sh", "-c", "--", "{command}"]);
    expect(texts("b")).toEqual(["bash", "-c", "--", "{command}"]);
    expect(texts("c")).toEqual(["fish", "--command={command}"]);
  });

  it("hands a shell also what other programs would take for the name of a file", () => {
    const command = "curl file:///etc/hostname; X=file:///x cmd";
    const config = machineWith({ sh: { shell: "sh" }, fish: { shell: "fish" } });
    const { project } = load(config);
    const argsOf = (operation: string, text: string): readonly string[] =>
      argumentsOf(project, checkCall(project, { operation, params: new Map([["command", text]]), flags: [] }), {
        repo: "",
        repoPath: "/",
        url: "",
      });
    for (const text of [command, "file:///x", "-x", "", "$(id) {command} '\"\\ é"]) {
      expect(argsOf("sh", text)).toEqual(["-c", "--", text]);
      expect(argsOf("fish", text)).toEqual([`--command=${text}`]);
    }
    const other = load(
      machineWith({ x: { command: "ls", args_template: ["{a}"], params: { a: { type: "string" } } } }),
    );
    const call = { operation: "x", params: new Map([["a", "file:///x"]]), flags: [] };
    expect(() => checkCall(other.project, call)).toThrow("would read a file of the host");
  });

  it("has the parameters of a transfer, and bounds that hold when nothing is said", () => {
    const { operations } = load(
      machineWith({ push, pull: { transfer: { direction: "pull", roots: ["/a/", "/b"] } } }),
    ).project;
    expect([...(operations.get("push")?.params.keys() ?? [])]).toEqual(["path", "merge"]);
    expect([...(operations.get("pull")?.params.keys() ?? [])]).toEqual(["path"]);
    expect(operations.get("push")).toMatchObject({ command: "cmd2host-transfer", stdin: "required" });
    expect(operations.get("pull")).toMatchObject({
      stdin: "none",
      machine: { transfer: { direction: "pull", roots: ["/a", "/b"], maxBytes: 1_073_741_824, maxFiles: 10_000 } },
    });
  });

  it("masks nothing in what is transferred, whatever the project says", () => {
    const { operations } = load({ ...machineWith({ push, shell }), redact: { enabled: true } }).project;
    expect([operations.get("push")?.redact.enabled, operations.get("shell")?.redact.enabled]).toEqual([false, true]);
  });

  it("lets git be an ordinary program", () => {
    const pull: OperationTemplate = {
      command: "git",
      args_template: ["pull"],
      run_in: "empty",
      stdin: "optional",
      rtk: true,
    };
    expect(load(machineWith({ pull })).project.operations.get("pull")).toMatchObject({ runIn: "empty", rtk: true });
  });

  it("has a canonical form without repositories, which loads again", () => {
    const config = machineWith({ x: { ...shell, run_as: "u", env_allow: [] }, y: push }, { run_as: "v" });
    const text = canonicalText(config);
    expect(text).not.toContain("repo");
    expect(canonicalText(JSON.parse(text) as ProjectConfig)).toBe(text);
    expect(compileProject("m", Buffer.from(text), "f").project.operations.get("x")?.machine?.env).toEqual([]);
  });
});

describe("what a change of a machine's project permits", () => {
  const changesOf = (before: ProjectConfig, after: ProjectConfig): readonly string[] =>
    compareProjects(load(before), load(after)).flatMap(({ effect, text, details = [] }) => [
      `${effect}: ${text}`,
      ...details,
    ]);
  const roots = (...list: string[]): OperationTemplate => ({ transfer: { direction: "push", roots: list } });
  const repository: ProjectConfig = { repos: ["a/b"], repo_paths: ["/x"] };

  it.each([
    ["a shell", machineWith({}), machineWith({ x: shell }), "runs ANY command that the caller sends, with bash"],
    ["another user", machineWith({ x: shell }), machineWith({ x: { ...shell, run_as: "root" } }), "widens: x runs as"],
    ["a directory", machineWith({}), machineWith({}, { work_dirs: ["/srv"] }), "widens: lets programs run below /srv"],
    [
      "a directory less",
      machineWith({}, { work_dirs: ["/srv"] }),
      machineWith({}),
      "narrows: no longer lets programs run below /srv",
    ],
    ["a wrapper", machineWith({}), machineWith({}, { wrapper: "rtk" }), "widens: commands of shells run through rtk"],
    ["no wrapper", machineWith({}, { wrapper: "rtk" }), machineWith({}), "commands of shells run through nothing"],
    ["a wider root", machineWith({ x: roots("/a/b") }), machineWith({ x: roots("/a") }), "widens: x writes files"],
    ["a narrower root", machineWith({ x: roots("/a") }), machineWith({ x: roots("/a/b") }), "narrows: x writes files"],
    ["no root", machineWith({ x: roots("/") }), machineWith({ x: roots() }), "narrows: x writes files nowhere"],
    ["a transfer", machineWith({}), machineWith({ x: push }), "writes files below /srv/www"],
    [
      "a program that becomes a transfer",
      machineWith({ x: { command: "ls" } }),
      machineWith({ x: push }),
      "widens: command of x changes",
    ],
    [
      "a variable",
      machineWith({ x: { command: "ls" } }),
      machineWith({ x: { command: "ls", env_allow: ["LANG"] } }),
      "widens: x lets callers set LANG",
    ],
    [
      "a variable less",
      machineWith({ x: { command: "ls", env_allow: ["LANG"] } }),
      machineWith({ x: { command: "ls" } }),
      "narrows: x no longer lets callers set LANG",
    ],
    [
      "any variable",
      machineWith({ x: { ...shell, env_allow: [] } }),
      machineWith({ x: shell }),
      "widens: x lets callers set any variable",
    ],
    [
      "not any variable",
      machineWith({ x: shell }),
      machineWith({ x: { ...shell, env_allow: ["A"] } }),
      "narrows: x no longer lets callers set any variable",
    ],
    [
      "the end of output",
      machineWith({ x: shell }),
      machineWith({ x: { ...shell, keep: "tail" } }),
      "changes: of too much output of x, the tail is let out",
    ],
    ["a machine for a repository", repository, machineWith({}), "widens: The machine itself"],
    ["a repository for a machine", machineWith({}), repository, "widens: is for repositories"],
    [
      "operations that were a repository's",
      { ...repository, operations: { x: { command: "ls" } }, allowed_operations: ["x"] },
      machineWith({ x: { command: "ls" } }),
      "widens: x runs as the agent's own user",
    ],
  ] as [string, ProjectConfig, ProjectConfig, string][])("says %s", (_, before, after, line) => {
    expect(changesOf(before, after).join("\n")).toContain(line);
  });

  it("says nothing when nothing changed", () => {
    const config = machineWith({ x: { ...shell, run_as: "u" }, y: push }, { run_as: "v", work_dirs: ["/a"] });
    expect(changesOf(config, config)).toEqual([]);
  });
});

describe("what config check says of a machine", () => {
  const rulesOf = (config: ProjectConfig): readonly string[] =>
    lintConfig("m", Buffer.from(JSON.stringify(config)), "config.json", (command) => command).map(
      ({ rule, severity }) => `${severity} ${rule}`,
    );

  it("warns of a shell that nobody is asked about", () => {
    expect(rulesOf(machineWith({ x: shell }))).toContain("warning shell_unasked");
    expect(rulesOf(machineWith({ x: { ...shell, approval: {} } }))).not.toContain("warning shell_unasked");
  });

  it("refuses files everywhere, and warns of files nowhere", () => {
    expect(rulesOf(machineWith({ x: { transfer: { direction: "push", roots: ["/"] } } }))).toContain(
      "error transfer_anywhere",
    );
    expect(rulesOf(machineWith({ x: { transfer: { direction: "pull", roots: ["/"] } } }))).toContain(
      "warning transfer_anywhere",
    );
    expect(rulesOf(machineWith({ x: { transfer: { direction: "pull", roots: [] } } }))).toContain(
      "warning transfer_nowhere",
    );
  });

  it("finds nothing where a shell and files are as they are meant to be", () => {
    const asked: OperationTemplate = { ...shell, approval: {}, stdin: "optional", annotations: { destructive: true } };
    expect(rulesOf(machineWith({ x: asked, y: { ...push, annotations: { open_world: false } } }))).toEqual([]);
  });

  it("says once that a shell is not asked about", () => {
    expect(rulesOf(machineWith({ x: { ...shell, annotations: { destructive: true } } }))).toEqual([
      "warning shell_unasked",
    ]);
  });

  it("warns of variables that choose other programs, where they are no shell's", () => {
    const wide: OperationTemplate = { command: "/usr/bin/ls", env_allow: ["APP_*", "NODE_*", "*"] };
    expect(rulesOf(machineWith({ x: wide }))).toEqual(["warning env_allow_wide", "warning env_allow_wide"]);
    expect(rulesOf(machineWith({ x: { ...wide, env_allow: ["APP_*", "LANG"] } }))).toEqual([]);
    expect(rulesOf(machineWith({ x: { ...shell, approval: {}, env_allow: ["*"] } }))).toEqual([]);
  });

  it("looks for programs where the machine does, whatever the PATH of whoever asks", () => {
    const found = (config: ProjectConfig): readonly string[] =>
      lintConfig("m", Buffer.from(JSON.stringify(config)), "config.json", commandFinder({ PATH: "/nowhere" })).map(
        ({ rule }) => rule,
      );
    expect(found(machineWith({ x: { command: "ls" } }))).toEqual([]);
    expect(found(machineWith({ x: { command: "no-such-program-here" } }))).toEqual(["command_not_found"]);
    expect(
      found({ ...machineWith({ x: { command: "ls" } }), env: { PATH: "/nowhere" }, env_unsafe: ["PATH"] }),
    ).toContain("command_not_found");
  });

  it.each([
    [["ps", "--all"], []],
    [["restart", "web"], []],
    [["run", "x"], ["warning command_dangerous"]],
    [["exec", "web", "sh"], ["warning command_dangerous"]],
    [["--host=x", "ps"], ["warning command_dangerous"]],
  ])("knows what of docker starts nothing that was not there: %j", (args, rules) => {
    expect(rulesOf(machineWith({ x: { command: "/usr/bin/docker", args_template: args } }))).toEqual(rules);
    expect(
      rulesOf(machineWith({ x: { command: "/usr/bin/docker", args_template: args, allowed_flags: ["--x"] } })),
    ).toEqual(["error command_dangerous"]);
  });

  it("asks for no profile", () => {
    const docker = { command: "/usr/bin/docker" };
    expect(rulesOf(machineWith({ x: docker }))).not.toContain("warning profile_minimal");
    expect(rulesOf(machineWith({ x: { ...docker, profile: "user" } }))).toContain("warning profile_ignored");
  });
});
