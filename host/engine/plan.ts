import { realpathSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { Session } from "../auth/token-store.ts";
import { resolveCommand } from "../exec/command.ts";
import type { Launch } from "../exec/run.ts";
import { ownersIdentity } from "../git/identity.ts";
import type { WorkspaceFacts } from "../git/inspection/inspect.ts";
import { argumentsOf, type Call } from "../operation/call.ts";
import type { FleetRules, MachineOperation, Operation, Project } from "../project/types.ts";
import { buildEnvironment } from "../sanitize/environment.ts";
import { checkGitUrl, profileFor } from "../sanitize/profile.ts";
import type { Target } from "../target/target.ts";
import { stageFiles, type CallFiles, type FilePlaces } from "./files.ts";
import { fleetWork } from "./fleet-work.ts";
import { shortenedBy, throughRtk } from "./invocation.ts";
import { launchLimits, mostInput, outputLimits } from "./launch-limits.ts";
import { machineWork } from "./machine-work.ts";
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
  /** What the caller adds to the environment. */
  readonly env: ReadonlyMap<string, string>;
}

/** A workspace whose layout was inspected and whose origin is the target's. Only `checkWorkspace` in the pipeline makes one. */
interface Checkout {
  readonly facts: WorkspaceFacts;
  /** Real path of the target's checkout. */
  readonly root: string;
  /** Real paths of every checkout of the project. */
  readonly all: readonly string[];
}

/** A working directory of a machine. It is its owner's: there is nobody else's repository to be inspected. */
interface MachinePlace {
  readonly facts: undefined;
  readonly machine: MachineOperation;
  /** Real path. */
  readonly root: string;
  readonly all: readonly [];
}

/** Nowhere on this host. */
interface Elsewhere {
  readonly facts: undefined;
  readonly fleet: FleetRules;
  readonly root: string;
  readonly all: readonly [];
}

export type TrustedWorkspace = Checkout | MachinePlace | Elsewhere;

/** The real path of a checkout; one that is gone keeps its configured path. */
export function realWorkspace(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return path;
    throw new CodedError("workspace_unreadable", `${printable(path)}: ${errnoOf(error) ?? "cannot be resolved"}`);
  }
}

/** The work, its arguments as people are shown them, and something that the caller should know. */
interface Worked {
  readonly work: Work;
  readonly args: readonly string[];
  readonly notice: string | undefined;
}

function workOf(
  findings: Findings,
  workspace: Checkout,
  path: string,
  settings: EngineSettings,
  step: Watch | undefined,
): Worked {
  const { project, target, call, timeoutSeconds } = findings;
  const { operation } = call;
  const { facts } = workspace;
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
  refuseConfiguration(facts, manner);
  step?.("configuration", facts);
  const situation = {
    host: settings.hostEnvironment,
    repo: repo.name,
    gitHost: repo.host,
    gitConfig: project.gitConfig,
  };
  const env = buildEnvironment(profile, situation, project.env, path);
  step?.("environment", env);
  const limits = launchLimits(operation, settings, timeoutSeconds);
  const launch: Launch = { command, args, env, cwd: workspace.root, ...limits };
  if (manner.kind === "program") {
    const shortened = throughRtk(operation, args, path, workspace.all);
    return {
      work: { kind: "program", launch: { ...launch, ...shortened }, runIn: manner.runIn },
      args,
      notice: shortened === undefined ? undefined : shortenedBy("rtk"),
    };
  }

  const place = placeOf(facts, workspace.all);
  const git = {
    room: [project.id, repo.host, ...repo.name.split("/")],
    workspace: place,
    launch,
    helperEnv: buildEnvironment("git", { ...situation, gitConfig: new Map() }, new Map(), path),
  };
  if (manner.kind === "remote_git")
    return { work: { ...git, ...manner, url, source: sourceOf(manner.request, place) }, args, notice: undefined };
  const config = [...ownersIdentity(settings.hostEnvironment), ...facts.config];
  return { work: { ...git, ...manner, workTree: workspace.root, config }, args, notice: undefined };
}

/** By where it runs: on a machine of the fleet, on this one as a machine, or for a checkout. */
async function worked(
  rooms: Pick<Rooms, "searchPath" | "targetTags">,
  findings: Findings,
  settings: EngineSettings,
  step: Watch | undefined,
): Promise<Worked> {
  const { workspace } = findings;
  if (workspace.facts !== undefined)
    return workOf(findings, workspace, rooms.searchPath(workspace.all), settings, step);
  if ("fleet" in workspace) return fleetWork(findings, workspace.fleet, settings, rooms.targetTags, step);
  return machineWork(findings, workspace.machine, settings, step);
}

/** What the caller's own names come to. The program's arguments have those of staged files. */
function shownArguments({ project, target, call, places }: Findings, args: readonly string[]): readonly string[] {
  if (places.inputs.size === 0 && places.output === undefined) return args;
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
  rooms: Pick<Rooms, "stage" | "copyIn" | "searchPath" | "settings" | "targetTags">,
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
    const { work, args, notice } = await worked(rooms, staged, settings, step);
    step?.("repository", work);
    const parts: Omit<Plan, typeof made> = {
      session,
      project,
      target,
      operation,
      call,
      argv: [work.kind === "fleet" ? work.launch.command.file : operation.command, ...shownArguments(findings, args)],
      work,
      files,
      outputLimits: outputLimits(operation, settings),
      maxStdinBytes: mostInput(operation, settings),
      notice,
    };
    return parts as Plan;
  } catch (error) {
    files.discard();
    throw error;
  }
}
