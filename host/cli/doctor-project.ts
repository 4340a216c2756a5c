import { statSync } from "node:fs";
import { join } from "node:path";
import { attempt, CodedError } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";
import { findingText, inspectWorkspace, shellWord, type WorkspaceFacts } from "../git/inspection/inspect.ts";
import { KillSwitch } from "../limits/kill-switch.ts";
import { projectFiles } from "../project/pin.ts";
import { loadProject } from "../project/store.ts";
import type { Project, Repo } from "../project/types.ts";
import { checkOrigin, resolveTarget } from "../target/target.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { approvalOf } from "../project/approval.ts";
import type { Context } from "./context.ts";
import { Checks, type Check } from "./doctor-check.ts";
import { devcontainerChecks } from "./doctor-devcontainer.ts";
import { directoryCheck, tokensCheck } from "./doctor-host.ts";
import { machineChecks } from "./doctor-machine.ts";
import { commandFinder } from "./find-command.ts";
import { setting } from "./setting.ts";
import { realOrSame } from "../util/real-path.ts";

/** Runs `work`; an error of ours becomes a check that failed. */
function failing(checks: Checks, work: () => readonly Check[]): readonly Check[] {
  return attempt(work, (error) => [checks.failed(error)]);
}

function approvalCheck(checks: Checks, projects: string, id: string): Check {
  const allow = `cmd2host config allow ${id}`;
  switch (approvalOf(projects, id)) {
    case "allowed":
      return checks.ok("the configuration is approved");
    case "modified":
      return checks.fail(`the configuration was changed since it was approved (see cmd2host config diff ${id})`, allow);
    case "not_allowed":
      return checks.fail(`the configuration is not approved (see cmd2host config show ${id})`, allow);
    case "unreadable":
      return checks.fail(
        "the approval cannot be trusted or read",
        `Look at the files in ${printable(projectFiles(projects, id).directory)}.`,
      );
  }
}

/** Whether the owner has stopped the project. */
function stopChecks(base: BaseDirectory, id: string): readonly Check[] {
  const stop = new KillSwitch(base.stopped).of(id);
  if (stop === undefined) return [];
  const checks = new Checks(id, "configuration");
  const which = stop.project === undefined ? "--all" : `--project=${id}`;
  return [checks.warn("it was stopped: everything is denied", `cmd2host resume ${which}`)];
}

function formatChecks(checks: Checks, path: string, facts: WorkspaceFacts): readonly Check[] {
  const found: Check[] = [];
  if (facts.refFormat === "reftable") {
    const fix = "Inside the container: git refs migrate --ref-format=files";
    found.push(
      checks.warn(`${path} keeps its refs in a reftable, which the daemon does not read for push and fetch`, fix),
    );
  }
  if (facts.partialCloneOf !== undefined) {
    const fix = "Clone again without --filter if a push is refused for missing objects.";
    found.push(checks.warn(`${path} is a partial clone; the daemon pushes only what is there`, fix));
  }
  return found;
}

/** What a look at the repository of a workspace tells. */
function factsChecks(id: string, repo: Repo, facts: WorkspaceFacts): readonly Check[] {
  const checks = new Checks(id, "workspace");
  const path = printable(repo.path);
  const found = facts.findings.map((finding): Check => {
    const { file, line = null, key = null } = finding;
    return { ...checks.fail(findingText(finding), finding.fix), file, line, key };
  });
  if (found.length === 0) found.push(checks.ok(`${path} holds nothing that could run or redirect a program`));
  return [...found, ...formatChecks(checks, path, facts)];
}

function originChecks(project: Project, repo: Repo, facts: WorkspaceFacts): readonly Check[] {
  const checks = new Checks(project.id, "origin");
  // Its configuration may not have been read at all.
  if (facts.findings.some(({ concerns }) => concerns === "layout")) return [];
  return failing(checks, () => {
    const target = resolveTarget(project, repo.name, undefined);
    try {
      checkOrigin(target, facts.originUrl);
      return [checks.ok(`its origin is ${printable(repo.name)} on ${printable(repo.host)}`)];
    } catch (error) {
      const [file, url] = [shellWord(join(facts.commonDir, "config")), shellWord(target.url)];
      if (!(error instanceof CodedError) || file === undefined || url === undefined) throw error;
      return [checks.fail(error.message, `git config --file ${file} --replace-all remote.origin.url ${url}`)];
    }
  });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function workspaceChecks(project: Project, repo: Repo): readonly Check[] {
  const checks = new Checks(project.id, "workspace");
  if (!isDirectory(repo.path)) {
    const fix = `Clone ${printable(repo.name)} there, or correct the path in the configuration.`;
    return [checks.fail(`${printable(repo.path)} is not a directory that can be looked at`, fix)];
  }
  return failing(checks, () => {
    const facts = inspectWorkspace(
      repo.path,
      project.repos.map(({ path }) => path),
    );
    return [...factsChecks(project.id, repo, facts), ...originChecks(project, repo, facts)];
  });
}

/** Whether the programs that an agent may start are there, and only their owners can change them. */
function programChecks(project: Project, context: Context): readonly Check[] {
  const checks = new Checks(project.id, "program");
  const find = commandFinder(context.environment);
  const workspaces = project.repos.map(({ path }) => realOrSame(path));
  const machine = project.machine === undefined ? undefined : { path: project.env.get("PATH") };
  const commands = project.allowed.flatMap((name) => {
    const operation = project.operations.get(name);
    // A transfer is our own program, and one of a fleet runs elsewhere.
    const isOther = operation?.machine?.transfer !== undefined || operation?.fleet !== undefined;
    return operation === undefined || isOther ? [] : [operation.command];
  });
  return [...new Set(commands)].flatMap((command) =>
    failing(checks, () => [checks.ok(`${printable(command)} is ${printable(find(command, workspaces, machine))}`)]),
  );
}

/** Whether those whom operations tell that they wait are known to the daemon. */
function viaChecks(project: Project, settings: unknown): readonly Check[] {
  const checks = new Checks(project.id, "approval");
  const approvals = setting(settings, "approvals");
  const webhooks = setting(approvals, "webhooks");
  if (!(webhooks instanceof Map)) return [];
  const isKnown = (name: string): boolean =>
    name === "desktop" ? setting(approvals, "desktop") === true : webhooks.has(name);
  return project.allowed.flatMap((id) =>
    (project.operations.get(id)?.approval?.via ?? [])
      .filter((name) => !isKnown(name))
      .map((name) =>
        checks.warn(
          `${id} tells ${quoted(name)} that it waits, and daemon.json ${name === "desktop" ? "switches that off" : "names no such webhook"}`,
          "Correct via of the operation, or approvals in daemon.json; the terminal and the page can answer all the same.",
        ),
      ),
  );
}

/** What daemon.json says; undefined when it does not load, which is said elsewhere. */
async function settingsOf(context: Context, base: BaseDirectory): Promise<unknown> {
  try {
    return (await context.daemon.settings(base)).settings;
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/** Everything that projects need before their operations run. Throws `project_unknown`. */
export async function projectsChecks(
  context: Context,
  base: BaseDirectory,
  ids: readonly string[],
): Promise<readonly Check[]> {
  const settings = await settingsOf(context, base);
  return ids.flatMap((id) => projectChecks(context, base, id, settings));
}

function projectChecks(context: Context, base: BaseDirectory, id: string, settings: unknown): readonly Check[] {
  const checks = new Checks(id, "configuration");
  const files = projectFiles(base.projects, id);
  const directory = directoryCheck(files.directory, id);
  let project: Project;
  try {
    ({ project } = loadProject(files, id));
  } catch (error) {
    if (!(error instanceof CodedError) || error.code === "project_unknown") throw error;
    return [directory, checks.fail(error.message, error.hint === "" ? `See cmd2host config check ${id}.` : error.hint)];
  }
  return [
    directory,
    approvalCheck(checks, base.projects, id),
    ...stopChecks(base, id),
    ...project.repos.flatMap((repo) => workspaceChecks(project, repo)),
    ...programChecks(project, context),
    ...viaChecks(project, settings),
    // Gateways have no tokens.
    ...(project.machine === undefined ? tokensCheck(base, id) : machineChecks(base, project)),
    ...project.repos
      .filter(({ path }) => isDirectory(path))
      .flatMap(({ path }) => devcontainerChecks(context, base, id, path, setting(settings, "listenMode"))),
  ];
}
