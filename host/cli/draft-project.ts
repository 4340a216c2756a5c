import { existsSync, realpathSync } from "node:fs";
import { attempt, CodedError } from "../../wire/errors.ts";
import type { ProjectConfig } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { canonicalText } from "../project/canonical.ts";
import { compileProject, type LoadedProject } from "../project/compile.ts";
import { chooseProjectId, fillTemplate, parseTemplate } from "../project/init.ts";
import { lintProject } from "../project/lint.ts";
import { projectFiles, type ProjectFiles } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { readTemplate } from "../project/templates.ts";
import type { Context } from "./context.ts";
import { commandFinder } from "./find-command.ts";

/** What the owner chose for a new project. */
export interface ProjectChoices {
  readonly repos: readonly string[];
  /** Absolute, one per repository; none keeps the template's placeholder. */
  readonly paths: readonly string[];
  readonly template: string;
  /** None keeps the template's. */
  readonly branches: readonly string[];
  readonly host: string | undefined;
  readonly id: string | undefined;
}

/** A project configuration that is not written yet. */
export interface Draft {
  readonly id: string;
  readonly files: ProjectFiles;
  readonly config: ProjectConfig;
  readonly bytes: Buffer;
  readonly loaded: LoadedProject;
  /** Commands that are not on this machine. */
  readonly missing: readonly string[];
}

function finder(context: Context, paths: readonly string[]): (name: string) => string | undefined {
  const find = commandFinder(context.environment);
  const workspaces = paths.filter((path) => existsSync(path)).map((path) => realpathSync.native(path));
  return (name) => {
    return attempt<string | undefined>(
      () => find(name, workspaces),
      () => undefined,
    );
  };
}

/** Fills in a template. Throws `config_invalid`, and `usage` for choices that are none, and for templates of machines. */
export function draftProject(choices: ProjectChoices, context: Context): Draft {
  const { template, repos, paths, branches, host } = choices;
  const source = parseTemplate(readTemplate(context.templates, template), template);
  if (source.machine !== undefined)
    throw new CodedError("usage", `template ${printable(template)} is for a machine of a fleet, not for repositories`, {
      hint: `On that machine: cmd2host agent init --template=${printable(template)}`,
    });
  const findCommand = finder(context, paths);
  const { config, missing } = fillTemplate(source, { repos, paths, branches, host, findCommand });
  const { projects } = context.base();
  const id = choices.id === undefined ? chooseProjectId(projects, repos[0] ?? "") : requireProjectId(choices.id);
  const files = projectFiles(projects, id);
  const bytes = Buffer.from(canonicalText(config), "utf8");
  return { id, files, config, bytes, loaded: compileProject(id, bytes, files.config), missing };
}

/** What the owner should know of a draft. */
export function draftWarnings({ loaded, bytes, missing }: Draft, context: Context): readonly string[] {
  return [
    ...missing.map((name) => `${name} was not found on PATH; its operations fail until it is`),
    ...lintProject(loaded, bytes, commandFinder(context.environment))
      .filter((finding) => finding.rule.startsWith("branch_allow"))
      .map((finding) => `${finding.pointer}: ${finding.message}. ${finding.fix}`),
  ];
}
