import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canonicalText } from "../../host/project/canonical.ts";
import { compileProject } from "../../host/project/compile.ts";
import { parseTemplate } from "../../host/project/init.ts";
import { lintConfig } from "../../host/project/lint.ts";
import { gitSubcommand, programName } from "../../host/project/push.ts";
import { bundledTemplates, listTemplates, readTemplate, templatesDirectory } from "../../host/project/templates.ts";
import { CodedError } from "../../wire/errors.ts";
import { isOperationId } from "../../wire/parse-request.ts";
import { temporaryDirectory } from "../cli/harness.ts";

const directory = templatesDirectory();
const names = listTemplates(directory);
const READ = ["git_fetch", "gh_pr_view", "gh_pr_list", "gh_pr_review_comments"];
/** What may be seen of a machine. */
const LOOK = [
  "uptime",
  "disk_usage",
  "memory_usage",
  "process_list",
  "listening_ports",
  "kernel",
  "os_release",
  "service_status",
  "service_list",
  "failed_services",
];
/** Whether a person is asked is for whoever uses a template to say. */
const WARNINGS: Readonly<Record<string, readonly string[]>> = {
  git_github_write: ["destructive_unasked /operations/gh_pr_edit/annotations/destructive"],
  fleet_shell: ["shell_unasked /operations/shell/shell"],
};

function load(name: string) {
  return compileProject(name, readTemplate(directory, name), name);
}

interface Case {
  readonly name: string;
  readonly request: { readonly operation: string };
  readonly argv?: readonly string[];
  readonly denied?: string;
}

function cases(name: string): readonly Case[] {
  return (JSON.parse(readFileSync(join(directory, `${name}.cases.json`), "utf8")) as { cases: Case[] }).cases;
}

describe("the bundled templates", () => {
  it("are those beside the program, or those that it carries", () => {
    expect(bundledTemplates()).toBe(directory);
    const text = Buffer.from("{}").toString("base64");
    const carried = bundledTemplates(
      new Map([
        ["templates/own.json", text],
        ["shim/dist/x", text],
      ]),
    );
    expect(listTemplates(carried)).toEqual(["own"]);
    expect(readTemplate(carried, "own").toString()).toBe("{}");
  });

  it("are these, in this order", () => {
    expect(names).toEqual([
      "aws_selected",
      "fleet_ops",
      "fleet_readonly",
      "fleet_shell",
      "git_github_write",
      "git_write",
      "github_write",
      "local_demo",
      "readonly",
    ]);
  });

  it.each([
    ["readonly", [...READ, "gh_issue_view", "gh_issue_list"]],
    [
      "github_write",
      [
        ...READ,
        "gh_pr_create",
        "gh_pr_comment",
        "gh_pr_review_comment_reply",
        "gh_issue_view",
        "gh_issue_list",
        "gh_issue_create",
      ],
    ],
    ["git_write", ["git_fetch", "git_push", ...READ.slice(1), "gh_issue_view", "gh_issue_list"]],
    [
      "git_github_write",
      [
        "git_fetch",
        "git_push",
        "gh_pr_view",
        "gh_pr_list",
        "gh_pr_checks",
        "gh_pr_review_comments",
        "gh_pr_create",
        "gh_pr_edit",
        "gh_pr_comment",
        "gh_pr_review_comment_reply",
        "gh_issue_view",
        "gh_issue_list",
        "gh_issue_create",
        "gh_run_view",
      ],
    ],
    ["aws_selected", ["aws_sts_get_caller_identity", "aws_s3_ls", "aws_ec2_describe_tags"]],
    ["local_demo", ["git_log", "git_status", "git_show_stat", "git_branch_list"]],
    ["fleet_readonly", LOOK],
    [
      "fleet_ops",
      [
        ...LOOK,
        "service_log",
        "service_restart",
        "service_start",
        "service_stop",
        "docker_ps",
        "docker_logs",
        "docker_restart",
        "apt_upgradable",
      ],
    ],
    ["fleet_shell", ["shell", "push", "pull"]],
  ])("%s allows exactly these operations, in this order", (name, operations) => {
    expect(load(name).config.allowed_operations).toEqual(operations);
  });

  describe.each(names)("%s", (name) => {
    it("is in canonical form, without members that the schema does not know", () => {
      const bytes = readTemplate(directory, name);
      expect(canonicalText(parseTemplate(bytes, name))).toBe(bytes.toString("utf8"));
      expect(load(name).unknown).toEqual([]);
    });

    it("has the placeholders if it is for repositories, and describes every operation and parameter", () => {
      const { config, project } = load(name);
      const places = project.machine === undefined ? [["OWNER/REPO"], ["/path/to/repo"]] : [undefined, undefined];
      expect([config.repos, config.repo_paths]).toEqual(places);
      expect(project.machine !== undefined).toBe(name.startsWith("fleet_"));
      expect(readTemplate(directory, name).includes("OWNER")).toBe(project.machine === undefined);
      for (const operation of project.operations.values()) {
        expect(isOperationId(operation.id)).toBe(true);
        expect(operation.description).toMatch(/^[A-Z].*\.$/);
        for (const rule of operation.params.values()) expect(rule.schema.description).toMatch(/^[A-Z].*\.$/);
      }
    });

    it("gives every operation a title, and every one that is allowed its hints", () => {
      const { project } = load(name);
      for (const operation of project.operations.values()) {
        expect(operation.title).toMatch(/^[A-Z][A-Za-z0-9 ]{2,40}$/);
        if (project.allowed.includes(operation.id)) expect(operation.source.annotations, operation.id).toBeDefined();
      }
    });

    it("marks as read-only what shows and lists, and nothing else", () => {
      for (const { id, annotations } of load(name).project.operations.values())
        expect([id, annotations.readOnly]).toEqual([
          id,
          !/create|comment$|reply|edit|push|fetch|restart|_start|stop|shell/.test(id),
        ]);
    });

    it("takes standard input only for the text of what gh sends, by an option that can name no file, and for shells and files of a machine", () => {
      for (const { id, stdin, maxStdinBytes, flags, machine } of load(name).project.operations.values()) {
        const flag = flags.get("--body-file");
        const ofMachine = machine?.shell !== undefined ? "optional" : machine?.transfer !== undefined;
        if (ofMachine !== false) {
          expect([id, stdin]).toEqual([id, ofMachine === true ? (id === "push" ? "required" : "none") : ofMachine]);
          continue;
        }
        expect([id, stdin]).toEqual([id, /_(?:create|edit|pr_comment)$/.test(id) ? "optional" : "none"]);
        expect([id, flag?.rule?.type, flag?.rule?.enum, maxStdinBytes]).toEqual(
          stdin === "none" ? [id, undefined, undefined, undefined] : [id, "enum", ["-"], 262_144],
        );
      }
    });

    it("starts every git operation with a literal subcommand, and never offers a body as a flag", () => {
      for (const operation of load(name).project.operations.values()) {
        const texts = operation.template.map((element) => element.text);
        if (programName(operation.command) === "git") expect(gitSubcommand(texts)[0]).toMatch(/^[a-z][a-z-]*$/);
        expect(operation.flags.has("--body")).toBe(false);
      }
    });

    it("is warned about for nothing but its placeholders, and programs that are not named in full", () => {
      const findings = lintConfig(name, readTemplate(directory, name), name, (command) => `/usr/bin/${command}`);
      expect(
        findings
          .filter(({ pointer }) => !pointer.startsWith("/repo"))
          .map(({ rule, pointer }) => `${rule} ${pointer}`)
          .filter((text) => !text.startsWith("command_relative ")),
      ).toEqual(WARNINGS[name] ?? []);
    });

    it("has cases with an accepted call and denials for every operation, each under its own name", () => {
      const all = cases(name);
      expect(new Set(all.map((one) => one.name)).size).toBe(all.length);
      for (const one of all) expect([one.argv, one.denied].filter((part) => part !== undefined)).toHaveLength(1);
      for (const id of load(name).project.allowed) {
        const own = all.filter((one) => one.request.operation === id);
        expect(own.filter((one) => one.argv !== undefined).length, id).toBeGreaterThan(0);
        expect(own.filter((one) => one.denied !== undefined).length, id).toBeGreaterThan(1);
      }
    });
  });

  it("allow pushes to ai/ only, where they push at all", () => {
    const branches = (name: string): readonly string[] => load(name).config.constraints?.branch_allow ?? [];
    expect(branches("git_write")).toEqual(["ai/.+"]);
    expect(branches("git_github_write")).toEqual(["ai/.+"]);
    expect(names.filter((name) => !name.startsWith("git_")).flatMap(branches)).toEqual([]);
  });

  it("hold no operation on the workspace's own git, except the demonstration", () => {
    const local = names
      .filter((name) => name !== "local_demo")
      .flatMap((name) =>
        [...load(name).project.operations.keys()].filter(
          (id) => id.startsWith("git_") && id !== "git_fetch" && id !== "git_push",
        ),
      );
    expect(local).toEqual([]);
  });
});

describe("the filter that gh_pr_review_comments takes", () => {
  const pattern = load("readonly").project.operations.get("gh_pr_review_comments")?.flags.get("--jq")?.value.pattern;

  it.each([
    ".",
    ".[]",
    ".[0].user.login",
    "..",
    ".env",
    '.["env"]',
    "{env}",
    "{envelope: .env}",
    '[.[] | {a: .b, "c": .d}] | sort_by(.a) | .[0:3]',
    'map(select(.body | test("x"; "i") | not))'.replace("; ", ", "),
  ])("accepts %s", (filter) => {
    expect(pattern?.found(filter)).toBe(true);
  });

  it.each([
    "env",
    " env",
    "env ",
    "$ENV",
    "[env][0]",
    "(env)",
    "{a:env}",
    "{a: env.HOME}",
    "{env:1}",
    ".[env:]",
    ".[1,env:2]",
    ".|env",
    ".a|env|.b",
    '"\\(env)"',
    "if env then 1 else 2 end",
    "map(env)",
    "env|keys",
    "env.a",
    ".a,env",
    "not(env)",
    "first(env)",
    "\nenv",
    "#\nenv",
    "@sh",
    "input",
    "debug",
    "range(9)",
    "def f: .; f",
    "ENV",
    "",
  ])("refuses %j", (filter) => {
    expect(pattern?.found(filter)).toBe(false);
  });
});

describe("the directory of templates", () => {
  it.each([
    ["the source", "host/project"],
    ["a bundle", "dist"],
  ])("is found from %s", (_what, from) => {
    const root = temporaryDirectory();
    mkdirSync(join(root, from), { recursive: true });
    mkdirSync(join(root, "templates"));
    writeFileSync(join(root, "templates", "readonly.json"), "{}");
    expect(templatesDirectory(join(root, from))).toBe(join(root, "templates"));
  });

  it("that does not exist has no templates", () => {
    expect(listTemplates(join(temporaryDirectory(), "templates"))).toEqual([]);
  });

  it.each(["../x", "a/b", "", "x.cases"])("is not left by the name %j", (name) => {
    const root = temporaryDirectory();
    writeFileSync(join(root, "x.cases.json"), "{}");
    writeFileSync(join(root, "..json"), "{}");
    expect(() => readTemplate(root, name)).toThrow(CodedError);
  });
});
