import { lstatSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { readJsonFile } from "../../wire/parse.ts";
import type { OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import { isBareHost } from "./lint.ts";
import { projectFiles } from "./pin.ts";
import { distinctProjectId, isRepoName, plainProjectId } from "./project-id.ts";
import { loadProject } from "./store.ts";

/** What a new project is made of, besides its template. */
export interface InitChoices {
  readonly repos: readonly string[];
  /** One per repository, in the same order; none keeps the template's placeholder. */
  readonly paths: readonly string[];
  /** Replace the template's branch_allow when there is one. */
  readonly branches: readonly string[];
  /** Replaces the template's remote_hosts_allow. */
  readonly host: string | undefined;
  /** The full path of a program, or undefined when it is not found. */
  readonly findCommand: (command: string) => string | undefined;
}

export interface FilledTemplate {
  readonly config: ProjectConfig;
  /** Commands that are not on this machine; they stay as the template has them. */
  readonly missing: readonly string[];
}

function usage(message: string, hint: string): CodedError {
  return new CodedError("usage", message, { hint });
}

/**
 * Checks repositories and paths as they were typed.
 * @throws CodedError `usage`
 */
export function checkRepos(repos: readonly string[], paths: readonly string[]): void {
  if (paths.length > 0 && paths.length !== repos.length) {
    throw usage(
      `${repos.length} --repo, but ${paths.length} --repo-path`,
      "Give one --repo-path for each --repo, in the same order.",
    );
  }
  if (repos.length > 1 && paths.length === 0)
    throw usage("several repositories need paths", "Give one --repo-path for each --repo, in the same order.");
  const wrong = repos.find((repo) => !isRepoName(repo));
  if (wrong !== undefined)
    throw usage(
      `--repo ${quoted(wrong)} is not OWNER/NAME`,
      "Letters, digits, '_', '.' and '-', with one '/' between owner and name.",
    );
}

/** True when `directory` is the root of a plain checkout. */
export function isCheckout(directory: string): boolean {
  return lstatSync(join(directory, ".git"), { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * Reads a template's bytes. Templates are ordinary project configurations with placeholders.
 * @throws CodedError `config_invalid`
 */
export function parseTemplate(bytes: Buffer, name: string): ProjectConfig {
  const read = readJsonFile("project_config", bytes, `template ${name}`);
  if (read.ok) return read.value;
  throw new CodedError("config_invalid", read.fault.message, {
    hint: "The installed package is damaged; install it again.",
  });
}

/** The template with the choices filled in: nothing is checked here, the result has to load like any other configuration. */
export function fillTemplate(template: ProjectConfig, choices: InitChoices): FilledTemplate {
  if (choices.host !== undefined && !isBareHost(choices.host)) {
    throw usage(
      `--host ${quoted(choices.host)} is not a bare host name`,
      "Letters, digits, dots and hyphens: no scheme, user, port or path.",
    );
  }
  const missing = new Set<string>();
  const resolved = (operation: OperationTemplate): OperationTemplate => {
    const { command = "" } = operation;
    if (command === "" || command.startsWith("/")) return operation;
    const found = choices.findCommand(command);
    if (found === undefined) missing.add(command);
    return { ...operation, command: found ?? command };
  };
  const operations = Object.fromEntries(
    Object.entries(template.operations ?? {}).map(([id, operation]) => [id, resolved(operation)]),
  );
  const constraints = {
    ...template.constraints,
    ...(choices.host === undefined ? {} : { remote_hosts_allow: [choices.host] }),
    ...(choices.branches.length === 0 ? {} : { branch_allow: [...choices.branches] }),
  };
  const paths = choices.paths.length === 0 ? template.repo_paths : [...choices.paths];
  const config = {
    ...template,
    repos: [...choices.repos],
    ...(paths === undefined ? {} : { repo_paths: paths }),
    constraints,
    operations,
  };
  return { config, missing: [...missing] };
}

/** The primary repository of an existing project, or undefined when there is none or it does not load. */
function primaryOf(projects: string, id: string): string | undefined {
  try {
    return loadProject(projectFiles(projects, id), id).project.repos[0]?.name;
  } catch (error) {
    if (error instanceof CodedError && (error.code === "project_unknown" || error.code === "config_invalid"))
      return undefined;
    throw error;
  }
}

/** The directory for a repository's project: the plain one, unless that belongs to another repository. */
export function chooseProjectId(projects: string, repo: string): string {
  const distinct = distinctProjectId(repo);
  if (primaryOf(projects, distinct) === repo) return distinct;
  const plain = plainProjectId(repo);
  const owner = primaryOf(projects, plain);
  return owner === undefined || owner === repo ? plain : distinct;
}
