import { realpathSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { resolveCommand } from "../exec/command.ts";
import type { Launch } from "../exec/run.ts";
import { ownersIdentity } from "../git/identity.ts";
import type { WorkspaceFacts } from "../git/inspection/inspect.ts";
import { argumentsOf, type Call } from "../operation/call.ts";
import type { Operation, Project } from "../project/types.ts";
import { buildEnvironment } from "../sanitize/environment.ts";
import { checkGitUrl, profileFor } from "../sanitize/profile.ts";
import type { Target } from "../target/target.ts";
import { stageFiles, type CallFiles, type FilePlaces } from "./files.ts";
import type { EngineSettings, Rooms } from "./rooms.ts";
import { mannerOf, placeOf, refuseConfiguration, sourceOf, type Work } from "./work.ts";

declare const made: unique symbol;

/** Exactly what will run. Only `makePlan` makes one, and only from what the steps before it returned. */
export interface Plan {
  readonly [made]: true;
  readonly project: Project;
  readonly target: Target;
  readonly operation: Operation;
  readonly work: Work;
  readonly files: CallFiles;
}

/** A workspace whose layout was inspected and whose origin is the target's. Only `checkWorkspace` in the pipeline makes one. */
export interface TrustedWorkspace {
  readonly facts: WorkspaceFacts;
  /** Real path of the target's checkout. */
  readonly root: string;
  /** Real paths of every checkout of the project. */
  readonly all: readonly string[];
}

function bounded(value: number | undefined, fallback: number, max: number): number {
  return value === undefined ? fallback : Math.min(value, max);
}

/** The real path of a checkout; one that is gone keeps its configured path. */
export function realWorkspace(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return path;
    throw new CodedError("workspace_unreadable", `${printable(path)}: ${errnoOf(error) ?? "cannot be resolved"}`);
  }
}

function limitsOf({ timeoutSeconds, maxStdoutBytes, maxStderrBytes }: Operation, settings: EngineSettings) {
  const timeoutMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1_000;
  return {
    timeoutMs: bounded(timeoutMs, settings.defaultTimeoutMs, settings.maxTimeoutMs),
    graceMs: settings.graceMs,
    maxStdoutBytes: bounded(maxStdoutBytes, settings.maxStdoutBytes, settings.maxOutputBytes),
    maxStderrBytes: bounded(maxStderrBytes, settings.maxStderrBytes, settings.maxOutputBytes),
  };
}

function workOf(
  project: Project,
  target: Target,
  call: Call,
  workspace: TrustedWorkspace,
  path: string,
  settings: EngineSettings,
): Work {
  const { operation } = call;
  const { repo, url } = target;
  const args = argumentsOf(project, call, { repo: repo.name, repoPath: repo.path, url });
  const command = resolveCommand(operation.command, path, workspace.all);
  const profile = profileFor(operation.command, args, operation.profile);
  checkGitUrl(profile, args, url);
  const manner = mannerOf(call, args, profile, repo.path);
  refuseConfiguration(workspace.facts, manner);
  const situation = {
    host: settings.hostEnvironment,
    repo: repo.name,
    gitHost: repo.host,
    gitConfig: project.gitConfig,
  };
  const env = buildEnvironment(profile, situation, project.env, path);
  const launch: Launch = { command, args, env, cwd: workspace.root, ...limitsOf(operation, settings) };
  if (manner.kind === "program") return { kind: "program", launch, runIn: manner.runIn };

  const place = placeOf(workspace.facts, workspace.all);
  const git = {
    room: [project.id, repo.host, ...repo.name.split("/")],
    workspace: place,
    launch,
    helperEnv: buildEnvironment("git", { ...situation, gitConfig: new Map() }, new Map(), path),
  };
  if (manner.kind === "local_git")
    return {
      ...git,
      ...manner,
      workTree: workspace.root,
      config: [...ownersIdentity(settings.hostEnvironment), ...workspace.facts.config],
    };
  return { ...git, ...manner, url, source: sourceOf(manner.request, place) };
}

/**
 * Turns a checked call on a trusted workspace into a plan: stages its files, builds arguments and environment, finds the program.
 * @throws CodedError `input_invalid`, `staging_unavailable`, `param_missing`, `template_incomplete`, `branch_*`, `command_*`, `git_*`,
 * `workspace_untrusted`
 */
export async function makePlan(
  rooms: Pick<Rooms, "stage" | "copyIn" | "searchPath" | "settings">,
  project: Project,
  target: Target,
  call: Call,
  workspace: TrustedWorkspace,
  places: FilePlaces,
): Promise<Plan> {
  const files = await stageFiles(rooms, call, places, workspace.root);
  try {
    const staged = { ...call, values: files.values };
    const work = workOf(project, target, staged, workspace, rooms.searchPath(workspace.all), rooms.settings);
    const parts: Omit<Plan, typeof made> = { project, target, operation: call.operation, work, files };
    return parts as Plan;
  } catch (error) {
    files.discard();
    throw error;
  }
}
