import { CodedError } from "../../wire/errors.ts";
import type { OperationRequest } from "../../wire/request.ts";
import { quoted } from "../../wire/text.ts";
import type { Session } from "../auth/token-store.ts";
import { checkCall, type Asked } from "../operation/call.ts";
import { checkOutputScope } from "../operation/output-scope.ts";
import { checkPathsOnDisk } from "../operation/path-policy.ts";
import { reverseMatch } from "../operation/reverse-match.ts";
import { refuseTyped } from "../operation/typed-refusals.ts";
import { takesRepo, typedRepo } from "../operation/typed-repo.ts";
import type { Operation, Project } from "../project/types.ts";
import { checkOrigin, resolveTarget, type Target } from "../target/target.ts";
import type { ClearedPlan } from "./clear.ts";
import { placesOf } from "./files.ts";
import { makePlan, realWorkspace, type Plan, type TrustedWorkspace } from "./plan.ts";
import type { Rooms } from "./rooms.ts";
import { refuseLayout } from "./work.ts";

/** What is known of a request so far: filled in step by step, read by the audit however the request ends. */
export interface Trail {
  session?: Session;
  project?: Project;
  target?: Target;
  operation?: string;
  plan?: Plan;
  /** Once it may start. */
  cleared?: ClearedPlan;
  /** What decided, of what is no operation. */
  rule?: string;
}

/**
 * From a typed request to a plan: read this first. Each step knows one thing and throws a `CodedError` to end the request. Their order decides
 * which error wins, and is the original's.
 */
export async function decide(rooms: Rooms, request: OperationRequest, trail: Trail): Promise<Plan> {
  const session = (trail.session = rooms.authenticate(request.token));
  if (request.route.kind === "raw") refuseTyped(request.route.argv);
  const project = (trail.project = rooms.resolveProject(session));
  const { target, asked } = resolveAsked(project, request, trail);
  trail.operation = asked.operation;
  const call = checkCall(project, asked);
  checkStdin(call.operation, request);
  checkPathsOnDisk(call.operation, call.values, call.flagValues, call.flags, target.repo.path, project.pathDeny);
  const workspace = checkWorkspace(rooms, project, target);
  const places = placesOf(call, project, workspace.root);
  checkOutputScope(call.operation, call.flags);
  return makePlan(rooms, { session, project, target, call, workspace, places, timeoutSeconds: request.timeoutSeconds });
}

/** Where it is asked for, and the operation: named, or found by matching a command line. */
function resolveAsked(
  project: Project,
  { route, targetRepo, cwdHint }: OperationRequest,
  trail: Trail,
): { readonly target: Target; readonly asked: Asked } {
  const targetOf = (name: string): Target => (trail.target = resolveTarget(project, name, cwdHint));
  if (route.kind === "named") return { target: targetOf(targetRepo), asked: route };
  // What the line itself names comes before the hint, and behind what the request names.
  const named = targetRepo === "" ? typedRepo(project, route.argv) : undefined;
  if (named !== undefined) {
    const target = targetOf(named.name);
    const asked = typedAt(project, target, route.argv);
    // Unless it was another option that only looked like it.
    if (takesRepo(project.operations.get(asked.operation))) return { target, asked };
  }
  const target = targetOf(targetRepo);
  return { target, asked: typedAt(project, target, route.argv) };
}

function typedAt(project: Project, { repo, url }: Target, argv: readonly string[]): Asked {
  const [command] = argv;
  if (command === undefined) throw new CodedError("argv_empty", "cmd2host: raw_argv field is present but empty");
  if (command === "") throw new CodedError("argv_empty", "cmd2host: raw_argv command is empty");
  return reverseMatch(project, { repo: repo.name, repo_path: repo.path, expected_git_url: url }, argv);
}

/** Holds what the caller sends against what the operation reads. */
function checkStdin({ id, stdin }: Operation, { offersStdin, needsStdin }: OperationRequest): void {
  if (stdin === "required" && !offersStdin)
    throw new CodedError("stdin_required", `Operation ${quoted(id)} needs standard input, and the request has none`);
  if (stdin === "none" && needsStdin)
    throw new CodedError("stdin_not_allowed", `Operation ${quoted(id)} takes no standard input`);
}

/** Inspects the target's checkout and holds its origin against the target. */
function checkWorkspace(rooms: Rooms, project: Project, target: Target): TrustedWorkspace {
  const facts = rooms.inspectWorkspace(
    target.repo.path,
    project.repos.map((repo) => repo.path),
  );
  refuseLayout(facts);
  checkOrigin(target, facts.originUrl);
  const places = new Map(project.repos.map((repo) => [repo, realWorkspace(repo.path)]));
  return { root: places.get(target.repo) ?? realWorkspace(target.repo.path), all: [...places.values()], facts };
}
