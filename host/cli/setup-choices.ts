import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { parseTemplate } from "../project/init.ts";
import { readTemplate } from "../project/templates.ts";
import type { Project } from "../project/types.ts";
import type { ConnectionMode } from "../setup/devcontainer.ts";
import { FEATURE_RUNTIMES, type FeatureRuntime } from "../setup/feature-files.ts";
import { isFeatureReference, PUBLISHED_FEATURE } from "../setup/feature-reference.ts";
import { requireDevcontainer } from "../setup/find-devcontainer.ts";
import { localFeatureFor, type LocalFeature } from "../setup/local-feature.ts";
import { MCP_FILES, type McpFile } from "../setup/mcp-file.ts";
import { presentFeature, type PresentFeature } from "../setup/present-feature.ts";
import { compilePattern } from "../util/pattern.ts";
import { commaList, commandNames, commandsOf } from "./command-names.ts";
import type { Context, Questions } from "./context.ts";
import { draftProject, type Draft } from "./draft-project.ts";
import type { SetupValues } from "./setup-options.ts";
import type { Found } from "./setup-found.ts";
import { templateChoices } from "./template-words.ts";

/** A devcontainer.json that is to be changed. */
export interface DevcontainerChoice {
  readonly path: string;
  /** Reference of the feature. */
  readonly feature: string;
  /** Undefined when the feature comes from elsewhere. */
  readonly local: LocalFeature | undefined;
  /** The reference that is there, if any. */
  readonly present: string | undefined;
  readonly runtime: FeatureRuntime | undefined;
}

/** Everything that setup has to know. */
export interface Choices {
  /** Undefined when a project is there. */
  readonly draft: Draft | undefined;
  /** Undefined: no devcontainer.json is to be touched. */
  readonly devcontainer: DevcontainerChoice | undefined;
  readonly commands: readonly string[];
  readonly mode: ConnectionMode;
  readonly mcp: readonly McpFile[];
}

const DEFAULT_TEMPLATE = "readonly";

function usage(message: string, hint: string): CodedError {
  return new CodedError("usage", message, { hint });
}

function chosenCommands(
  text: string | undefined,
  present: PresentFeature | undefined,
  project: Project,
): readonly string[] {
  const given = text ?? present?.commands;
  return given === undefined ? commandsOf(project) : commandNames(given);
}

function chosenMode(text: string | undefined, present: PresentFeature | undefined): ConnectionMode {
  const mode = text ?? present?.mode ?? (process.platform === "darwin" ? "tcp" : "unix");
  if (mode === "unix" || mode === "tcp") return mode;
  throw usage(`--mode ${quoted(mode)} is neither unix nor tcp`, "unix works without network; tcp is for macOS.");
}

function chosenRuntime(text: string | undefined, present: PresentFeature | undefined): FeatureRuntime | undefined {
  const given = text ?? present?.runtime;
  const runtime = FEATURE_RUNTIMES.find((one) => one === given);
  if (runtime !== undefined || given === undefined) return runtime;
  throw usage(`--runtime ${quoted(given)} is not known`, `Use ${FEATURE_RUNTIMES.join(", ")}.`);
}

function chosenMcp(text: string): readonly McpFile[] {
  return commaList(text)
    .filter((name) => name !== "none")
    .map((name) => {
      const file = MCP_FILES.get(name);
      if (file === undefined)
        throw usage(`--mcp ${quoted(name)} is not known`, `Use ${[...MCP_FILES.keys()].join(", ")} or none.`);
      return file;
    });
}

async function chosenTemplate(
  given: string | undefined,
  context: Context,
  ask: Questions | undefined,
): Promise<string> {
  if (given !== undefined) return given;
  if (ask === undefined) return DEFAULT_TEMPLATE;
  const choices = templateChoices(context.templates);
  ask.show(choices.map(({ value, hint }) => `${value}\n    ${hint}`).join("\n"));
  return ask.choose(
    "What may the agent do?",
    choices.map(({ value }) => ({ value, hint: "" })),
  );
}

async function chosenBranches(
  given: readonly string[],
  template: string,
  context: Context,
  ask: Questions | undefined,
): Promise<readonly string[]> {
  const { constraints } = parseTemplate(readTemplate(context.templates, template), template);
  const [first] = constraints?.branch_allow ?? [];
  if (given.length > 0 || first === undefined || ask === undefined) return given;
  const complaint = (answer: string): string | undefined => {
    const compiled = compilePattern(answer);
    return answer === "" ? "A pattern is needed." : compiled.ok ? undefined : compiled.message;
  };
  return [await ask.ask("Branches that it may push to (an RE2 pattern for the whole name)", first, complaint)];
}

async function chosenDraft(
  values: SetupValues,
  found: Found,
  context: Context,
  ask: Questions | undefined,
): Promise<Draft> {
  const repo = values.repo ?? found.origin?.repo ?? "";
  const template = await chosenTemplate(values.template, context, ask);
  const branches = await chosenBranches(values.branch, template, context, ask);
  const named = found.submodules.map((one) => one.repo).join(", ");
  const withSubmodules =
    values.submodules ||
    (named !== "" && ask !== undefined && (await ask.confirm(`May it do the same in the submodules ${named}?`)));
  const submodules = withSubmodules ? found.submodules : [];
  const draft = draftProject(
    {
      repos: [repo, ...submodules.map((one) => one.repo)],
      paths: [found.root, ...submodules.map(({ path }) => join(found.root, path))],
      template,
      branches,
      host: values.host ?? found.origin?.host,
      id: values.id,
    },
    context,
  );
  return draft;
}

async function chosenDevcontainer(
  values: SetupValues,
  found: Found,
  ask: Questions | undefined,
): Promise<string | undefined> {
  if (values["no-devcontainer"]) return undefined;
  const { devcontainers } = found;
  if (values.devcontainer !== undefined) return requireDevcontainer(devcontainers, values.devcontainer);
  const [first = ".devcontainer/devcontainer.json", ...others] = devcontainers;
  if (others.length === 0) return first;
  if (ask !== undefined)
    return ask.choose(
      "Which devcontainer.json?",
      devcontainers.map((value) => ({ value, hint: "" })),
    );
  throw usage(
    `there are several devcontainer.json: ${devcontainers.join(", ")}`,
    `Say which with --devcontainer=${devcontainers[0] ?? ""}`,
  );
}

function chosenFeature(
  path: string,
  values: SetupValues,
  present: PresentFeature | undefined,
  context: Context,
): DevcontainerChoice {
  const fromEnvironment = context.environment["CMD2HOST_FEATURE"] ?? "";
  const known = values.feature ?? present?.reference ?? (fromEnvironment === "" ? PUBLISHED_FEATURE : fromEnvironment);
  if (known !== undefined && !isFeatureReference(known))
    throw usage(
      `--feature ${quoted(known)} is no reference`,
      "REGISTRY/OWNER/cmd2host/cmd2host:VERSION, or ./DIRECTORY beside devcontainer.json",
    );
  const local = localFeatureFor(path);
  const feature = known ?? local.reference;
  return {
    path,
    feature,
    local: feature === local.reference ? local : undefined,
    present: present?.reference,
    runtime: chosenRuntime(values.runtime, present),
  };
}

/**
 * Takes what the command line says, then what is there already, then what a person answers, then the defaults.
 * @param ask undefined when nobody is to be asked
 * @throws CodedError `usage`, `config_invalid`, `not_confirmed`
 */
export async function choose(
  values: SetupValues,
  found: Found,
  context: Context,
  ask: Questions | undefined,
): Promise<Choices> {
  const draft = found.project === undefined ? await chosenDraft(values, found, context, ask) : undefined;
  const path = await chosenDevcontainer(values, found, ask);
  const present = path === undefined ? undefined : presentFeature(found.files.read(path), path);
  const project = draft?.loaded.project ?? found.project?.project;
  if (project === undefined) throw new Error("there is either a project or a draft of one");
  return {
    draft,
    devcontainer: path === undefined ? undefined : chosenFeature(path, values, present, context),
    commands: chosenCommands(values.commands, present, project),
    mode: chosenMode(values.mode, present),
    mcp: chosenMcp(values.mcp),
  };
}
