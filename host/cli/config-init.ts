import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { checkRepos, isCheckout } from "../project/init.ts";
import { withLock } from "../util/lock.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import { casesText } from "../project/cases.ts";
import { firstCases } from "./cases.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { draftProject, draftWarnings } from "./draft-project.ts";
import { approve } from "./review.ts";

/** The given paths; else, for one repository, the current directory when it is a checkout; else none. */
function choosePaths(given: readonly string[], repos: readonly string[], cwd: string): readonly string[] {
  if (given.length > 0) return given.map((path) => resolve(cwd, path));
  return repos.length === 1 && isCheckout(cwd) ? [resolve(cwd)] : [];
}

function howTo(id: string, allowed: boolean): string {
  const steps = [
    ...(allowed ? [] : [`Read and approve it:     cmd2host config show ${id} && cmd2host config allow ${id}`]),
    `Make a session token:    cmd2host token mint --project=${id} --out=TOKEN_FILE`,
    "Give it to a container:  mount TOKEN_FILE and the directory ~/.cmd2host/run (nothing else of it), and start cmd2host-mcp there with --socket and --token-file",
    "Start the daemon:        cmd2host serve",
  ];
  return steps.map((step, index) => `  ${index + 1}. ${step}\n`).join("");
}

export const configInit = command({
  path: ["config", "init"],
  about: "Write a project configuration from a template.",
  options: {
    repo: {
      kind: "texts",
      about: "Repository; the first is the primary one",
      placeholder: "OWNER/NAME",
      required: true,
    },
    "repo-path": {
      kind: "texts",
      about: "Its checkout, one per --repo (default for one: the current directory, if it is a checkout)",
      placeholder: "PATH",
    },
    template: {
      kind: "text",
      about: "Template to start from, see cmd2host templates",
      placeholder: "NAME",
      default: "readonly",
    },
    branch: {
      kind: "texts",
      about: "RE2 pattern of branches that may be pushed to, matched as a whole (replaces the template's)",
      placeholder: "PATTERN",
    },
    host: { kind: "text", about: "Git host of the repositories (default: the template's)", placeholder: "HOST" },
    id: { kind: "text", about: "Project id (default: made from the first repository)", placeholder: "ID" },
    allow: { kind: "switch", about: "Approve the result at once" },
    force: { kind: "switch", about: "Replace a configuration that is there" },
    json: JSON_SWITCH,
  },
  examples: [
    [
      "config init --repo=OWNER/NAME --repo-path=PATH --template=readonly",
      "Let an agent read issues and pull requests",
    ],
    [
      "config init --repo OWNER/NAME --template git_github_write --branch 'ai/.+'",
      "Let it also push to ai/…, and open pull requests",
    ],
  ],
  run: async (values, context) => {
    const { repo: repos, template, branch: branches, host, allow, force } = values;
    checkRepos(repos, values["repo-path"]);
    const paths = choosePaths(values["repo-path"], repos, context.cwd);
    const draft = draftProject({ repos, paths, template, branches, host, id: values.id }, context);
    const { id, files, bytes, loaded, config, missing } = draft;
    const cases = firstCases(context.templates, template, loaded);
    makePrivateDirectory(files.directory);
    await withLock(files.directory, () => {
      if (!force && existsSync(files.config))
        throw new CodedError("already_exists", `${printable(files.config)} already exists`);
      writeAtomic(files.config, bytes);
      // What somebody wrote is kept, whatever becomes of the configuration.
      if (cases.length > 0 && !existsSync(files.cases)) writeAtomic(files.cases, casesText(cases));
    });
    const approved = allow ? await approve(id, context) : undefined;
    const warnings = [
      ...(paths.length === 0
        ? [
            `repo_paths still holds the template's placeholder ${(config.repo_paths ?? []).join(", ")}; correct it, or use --repo-path`,
          ]
        : []),
      ...draftWarnings(draft, context),
    ];
    return {
      exit: 0,
      human: `Created config: ${printable(files.config)}\n${paths.map((path) => `Checkout: ${printable(path)}\n`).join("")}${
        cases.length === 0 ? "" : `Cases: ${printable(files.cases)} (cmd2host config test ${id})\n`
      }${
        approved === undefined ? `Not allowed yet: cmd2host config allow ${id}\n` : `${approved.text}Config allowed.\n`
      }\nNext:\n${howTo(id, allow)}`,
      json: {
        project: id,
        config: files.config,
        repo_paths: paths,
        cases: cases.length,
        allowed: allow,
        hash: loaded.project.configHash,
        missing_commands: missing,
      },
      stderr: (approved?.stderr ?? "") + warnings.map((warning) => `warning: ${warning}\n`).join(""),
    };
  },
});
