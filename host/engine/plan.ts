import { realpathSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { Session } from "../auth/token-store.ts";
import { resolveCommand, type Command } from "../exec/command.ts";
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
import type { OutputLimits } from "./run-output.ts";
import type { Watch } from "./trail.ts";
import { mannerOf, placeOf, refuseConfiguration, sourceOf, type Work } from "./work.ts";

declare const made: unique symbol;

/** Exactly what will run. Only `makePlan` makes one, and only from what the steps before it returned. */
export interface Plan {
  readonly [made]: true;
  readonly session: Session;
  readonly project: Project;
  readonly target: Target;
  readonly operation: Operation;
  /** As it was asked for: files are named as in the workspace. */
  readonly call: Call;
  /** The program's name and its arguments, for people and records: files are named as in the workspace. */
  readonly argv: readonly string[];
  readonly work: Work;
  readonly files: CallFiles;
  /** What the operation itself lets out, whoever reads it. */
  readonly outputLimits: OutputLimits;
  readonly maxStdinBytes: number;
  /** Something that the caller should know about how it runs. */
  readonly notice: string | undefined;
}

/** What the steps before the plan found. */
export interface Findings {
  readonly session: Session;
  readonly project: Project;
  readonly target: Target;
  readonly call: Call;
  readonly workspace: TrustedWorkspace;
  readonly places: FilePlaces;
  /** Asked for by the caller; it only shortens. */
  readonly timeoutSeconds: number | undefined;
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

function limitsOf(
  { timeoutSeconds, maxStdoutBytes, maxStderrBytes }: Operation,
  settings: EngineSettings,
  askedSeconds: number | undefined,
) {
  const timeoutMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1_000;
  const allowedMs = bounded(timeoutMs, settings.defaultTimeoutMs, settings.maxTimeoutMs);
  return {
    timeoutMs: askedSeconds === undefined ? allowedMs : Math.min(allowedMs, askedSeconds * 1_000),
    graceMs: settings.graceMs,
    maxStdoutBytes: bounded(maxStdoutBytes, settings.maxStdoutBytes, settings.maxOutputBytes),
    maxStderrBytes: bounded(maxStderrBytes, settings.maxStderrBytes, settings.maxOutputBytes),
  };
}

/** The program that is started, and its arguments: the operation's own, or rtk with it. */
interface Invocation {
  readonly command: Command;
  readonly args: readonly string[];
}

const RTK = "rtk";
const SHORTENED = "The output was shortened by rtk on the host, before anything was kept of it.";

/** The operation's command run through rtk; undefined where the host has no rtk. */
function throughRtk(
  { rtk, command }: Operation,
  args: readonly string[],
  path: string,
  workspaces: readonly string[],
): Invocation | undefined {
  if (!rtk) return undefined;
  try {
    return { command: resolveCommand(RTK, path, workspaces), args: [command, ...args] };
  } catch (error) {
    if (error instanceof CodedError && error.code === "command_not_found") return undefined;
    throw error;
  }
}

function outputLimits({ maxStdoutBytes, maxStderrBytes }: Operation, { maxOutputBytes }: EngineSettings): OutputLimits {
  const limit = (own: number | undefined): number | undefined =>
    own === undefined ? undefined : Math.min(own, maxOutputBytes);
  return { stdout: limit(maxStdoutBytes), stderr: limit(maxStderrBytes) };
}

function workOf(
  { project, target, call, workspace, timeoutSeconds }: Findings,
  path: string,
  settings: EngineSettings,
  step: Watch | undefined,
): { readonly work: Work; readonly notice: string | undefined } {
  const { operation } = call;
  const { repo, url } = target;
  const args = argumentsOf(project, call, { repo: repo.name, repoPath: repo.path, url }, (built) => {
    step?.("arguments", built);
  });
  step?.("branches", args);
  const command = resolveCommand(operation.command, path, workspace.all);
  step?.("program", command);
  const profile = profileFor(operation.command, args, operation.profile);
  checkGitUrl(profile, args, url);
  const manner = mannerOf(call, args, profile, repo.path);
  step?.("git", manner);
  refuseConfiguration(workspace.facts, manner);
  step?.("configuration", workspace.facts);
  const situation = {
    host: settings.hostEnvironment,
    repo: repo.name,
    gitHost: repo.host,
    gitConfig: project.gitConfig,
  };
  const env = buildEnvironment(profile, situation, project.env, path);
  step?.("environment", env);
  const limits = limitsOf(operation, settings, timeoutSeconds);
  const launch: Launch = { command, args, env, cwd: workspace.root, ...limits };
  if (manner.kind === "program") {
    const shortened = throughRtk(operation, args, path, workspace.all);
    return {
      work: { kind: "program", launch: { ...launch, ...shortened }, runIn: manner.runIn },
      notice: shortened === undefined ? undefined : SHORTENED,
    };
  }

  const place = placeOf(workspace.facts, workspace.all);
  const git = {
    room: [project.id, repo.host, ...repo.name.split("/")],
    workspace: place,
    launch,
    helperEnv: buildEnvironment("git", { ...situation, gitConfig: new Map() }, new Map(), path),
  };
  if (manner.kind === "remote_git")
    return { work: { ...git, ...manner, url, source: sourceOf(manner.request, place) }, notice: undefined };
  const config = [...ownersIdentity(settings.hostEnvironment), ...workspace.facts.config];
  return { work: { ...git, ...manner, workTree: workspace.root, config }, notice: undefined };
}

/** What the caller's own names come to. The launch has those of staged files, and rtk before them where that is used. */
function shownArguments({ project, target, call, places }: Findings, args: readonly string[], isShortened: boolean) {
  if (places.inputs.size === 0 && places.output === undefined) return isShortened ? args.slice(1) : args;
  const { repo, url } = target;
  return argumentsOf(project, call, { repo: repo.name, repoPath: repo.path, url });
}

/**
 * Turns a checked call on a trusted workspace into a plan: stages its files, builds arguments and environment, finds the program.
 * @throws CodedError `input_invalid`, `staging_unavailable`, `param_missing`, `template_incomplete`, `branch_*`, `command_*`, `git_*`,
 * `workspace_untrusted`
 * @param step is told of what was passed
 */
export async function makePlan(
  rooms: Pick<Rooms, "stage" | "copyIn" | "searchPath" | "settings">,
  findings: Findings,
  step?: Watch,
): Promise<Plan> {
  const { session, project, target, call, workspace, places } = findings;
  const { operation } = call;
  const files = await stageFiles(rooms, call, places, workspace.root);
  step?.("staging", files);
  try {
    const { settings } = rooms;
    const staged = { ...findings, call: { ...call, values: files.values } };
    const { work, notice } = workOf(staged, rooms.searchPath(workspace.all), settings, step);
    step?.("repository", work);
    const parts: Omit<Plan, typeof made> = {
      session,
      project,
      target,
      operation,
      call,
      argv: [operation.command, ...shownArguments(findings, work.launch.args, notice === SHORTENED)],
      work,
      files,
      outputLimits: outputLimits(operation, settings),
      maxStdinBytes: Math.min(operation.maxStdinBytes ?? settings.maxStdinBytes, settings.maxStdinBytes),
      notice,
    };
    return parts as Plan;
  } catch (error) {
    files.discard();
    throw error;
  }
}
