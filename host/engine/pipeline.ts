import { CodedError } from "../../wire/errors.ts";
import type { OperationRequest } from "../../wire/request.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { checkValues, type Asked } from "../operation/call.ts";
import { checkCallerEnv } from "../operation/caller-env.ts";
import { checkOutputScope } from "../operation/output-scope.ts";
import { checkPathsOnDisk } from "../operation/path-policy.ts";
import { resolveOperation } from "../operation/resolve.ts";
import { reverseMatch } from "../operation/reverse-match.ts";
import { checkTransferPath } from "../operation/transfer-roots.ts";
import { refuseTyped } from "../operation/typed-refusals.ts";
import { takesRepo, typedRepo } from "../operation/typed-repo.ts";
import type { Operation, Project } from "../project/types.ts";
import { machineTarget, workDirectory } from "../target/machine.ts";
import { checkOrigin, resolveTarget, type Target } from "../target/target.ts";
import { placesOf } from "./files.ts";
import { makePlan, realWorkspace, type Plan, type TrustedWorkspace } from "./plan.ts";
import type { Rooms } from "./rooms.ts";
import { accountFor } from "./run-as.ts";
import type { Trail } from "./trail.ts";
import { refuseLayout } from "./work.ts";

export type { Trail } from "./trail.ts";

/** What deciding needs of the other rooms. */
export type DecidingRooms = Pick<
  Rooms,
  "authenticate" | "resolveProject" | "inspectWorkspace" | "searchPath" | "stage" | "copyIn" | "settings" | "targetTags"
>;

/**
 * From a typed request to a plan: read this first. Each step knows one thing and throws a `CodedError` to end the request. Their order decides
 * which error wins, and is the original's.
 */
export async function decide(rooms: DecidingRooms, request: OperationRequest, trail: Trail): Promise<Plan> {
  const session = (trail.session = rooms.authenticate(request.token));
  trail.step?.("authenticate", session);
  const line = request.route.kind === "raw" ? request.route.argv : [];
  refuseTyped(line);
  trail.step?.("line", line);
  const project = (trail.project = rooms.resolveProject(session));
  trail.step?.("project", project);
  refuseElsewhere(project, request);
  const { target: found, asked } = resolveAsked(project, request, trail);
  trail.operation = asked.operation;
  const operation = resolveOperation(project, asked.operation);
  trail.step?.("operation", operation);
  const target = (trail.target = placed(found, project, operation, request));
  const call = checkValues(operation, asked);
  checkCallerEnv(operation, request.env);
  trail.step?.("values", call);
  checkStdin(operation, request);
  trail.step?.("stdin", operation);
  checkTransferPath(operation, call.values);
  checkPathsOnDisk(operation, call.values, call.flagValues, call.flags, target.repo.path, project.pathDeny);
  trail.step?.("paths", call);
  const workspace = checkWorkspace(rooms, project, target, operation);
  trail.step?.("workspace", workspace);
  const places = placesOf(call, project, workspace.root);
  trail.step?.("files", places);
  checkOutputScope(operation, call.flags);
  trail.step?.("output_scope", operation);
  const { timeoutSeconds, env } = request;
  return makePlan(rooms, { session, project, target, call, workspace, places, timeoutSeconds, env }, trail.step);
}

/** On a machine, where an operation runs depends on the user that it runs as. */
function placed(target: Target, { machine }: Project, operation: Operation, { workDir }: OperationRequest): Target {
  if (machine === undefined) return target;
  return machineTarget(workDirectory(machine, accountFor(operation.machine?.runAs).home, workDir));
}

/** What is meant for another machine, or for a directory of one, must not run here instead. */
function refuseElsewhere({ machine }: Project, { target, workDir }: OperationRequest): void {
  if (machine !== undefined) return;
  if (target !== "")
    throw new CodedError("target_unknown", `there is no target ${quoted(shortened(target, 120))}: this is no gateway`);
  if (workDir !== "")
    throw new CodedError("work_dir_denied", "the working directory is the project's checkout, not the caller's choice");
}

/**
 * Where it is asked for, and the operation: named, or found by matching a command line.
 * @throws CodedError `target_*`, `host_invalid`, `argv_*`, `template_defect`, `interactive_command`
 */
export function resolveAsked(
  project: Project,
  { route, targetRepo, cwdHint }: OperationRequest,
  trail: Trail,
): { readonly target: Target; readonly asked: Asked } {
  const { machine } = project;
  const targetOf = (name: string): Target => {
    const target = (trail.target = machine === undefined ? resolveTarget(project, name, cwdHint) : machineTarget("/"));
    trail.step?.("target", target);
    return target;
  };
  if (route.kind === "named") return { target: targetOf(targetRepo), asked: route };
  // What the line itself names comes before the hint, and behind what the request names.
  const named = targetRepo === "" ? typedRepo(project, route.argv) : undefined;
  if (named !== undefined) {
    const target = targetOf(named.name);
    const asked = typedAt(project, target, route.argv, trail);
    // Unless it was another option that only looked like it.
    if (takesRepo(project.operations.get(asked.operation))) return { target, asked };
  }
  const target = targetOf(targetRepo);
  return { target, asked: typedAt(project, target, route.argv, trail) };
}

function typedAt(project: Project, { repo, url }: Target, argv: readonly string[], { missed }: Trail): Asked {
  const [command] = argv;
  if (command === undefined) throw new CodedError("argv_empty", "cmd2host: raw_argv field is present but empty");
  if (command === "") throw new CodedError("argv_empty", "cmd2host: raw_argv command is empty");
  return reverseMatch(project, { repo: repo.name, repo_path: repo.path, expected_git_url: url }, argv, missed);
}

/** Holds what the caller sends against what the operation reads. */
export function checkStdin(
  { id, stdin }: Operation,
  { offersStdin, needsStdin }: Pick<OperationRequest, "offersStdin" | "needsStdin">,
): void {
  if (stdin === "required" && !offersStdin)
    throw new CodedError("stdin_required", `Operation ${quoted(id)} needs standard input, and the request has none`);
  if (stdin === "none" && needsStdin)
    throw new CodedError("stdin_not_allowed", `Operation ${quoted(id)} takes no standard input`);
}

/** Inspects the target's checkout and holds its origin against the target. */
function checkWorkspace(
  rooms: Pick<Rooms, "inspectWorkspace">,
  project: Project,
  target: Target,
  { machine, fleet }: Operation,
): TrustedWorkspace {
  if (fleet !== undefined) return { root: "/", all: [], facts: undefined, fleet };
  if (machine !== undefined) return { root: target.repo.path, all: [], facts: undefined, machine };
  const facts = rooms.inspectWorkspace(
    target.repo.path,
    project.repos.map((repo) => repo.path),
  );
  refuseLayout(facts);
  checkOrigin(target, facts.originUrl);
  const places = new Map(project.repos.map((repo) => [repo, realWorkspace(repo.path)]));
  return { root: places.get(target.repo) ?? realWorkspace(target.repo.path), all: [...places.values()], facts };
}
