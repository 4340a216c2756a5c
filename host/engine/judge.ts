import type { Code } from "../../wire/codes.ts";
import { attempt } from "../../wire/errors.ts";
import type { OperationRequest } from "../../wire/request.ts";
import { reasonToAsk } from "../approval/conditions.ts";
import { argumentsOf, checkValues } from "../operation/call.ts";
import { checkCallerEnv } from "../operation/caller-env.ts";
import { checkOutputScope } from "../operation/output-scope.ts";
import { checkPathsOnDisk } from "../operation/path-policy.ts";
import { resolveOperation } from "../operation/resolve.ts";
import { checkTransferPath } from "../operation/transfer-roots.ts";
import { refuseTyped } from "../operation/typed-refusals.ts";
import type { Project } from "../project/types.ts";
import { checkGitUrl, profileFor } from "../sanitize/profile.ts";
import { callTexts } from "./card.ts";
import { placesOf } from "./files.ts";
import { checkStdin, resolveAsked } from "./pipeline.ts";
import { mannerOf } from "./work.ts";

/** What a policy says of a request. */
export type Judgement =
  /** Arguments without the program's name, with files named as in the workspace. */
  | { readonly verdict: "allow" | "ask"; readonly argv: readonly string[] }
  | { readonly verdict: "deny"; readonly code: Code; readonly message: string };

/** No run was counted yet. */
const NONE_YET = (): number => 0;

function judged(project: Project, request: OperationRequest, workspace: string): Judgement {
  if (request.route.kind === "raw") refuseTyped(request.route.argv);
  const { target, asked } = resolveAsked(project, request, {});
  const operation = resolveOperation(project, asked.operation);
  const call = checkValues(operation, asked);
  checkCallerEnv(operation, request.env);
  checkStdin(operation, { ...request, offersStdin: request.offersStdin || request.needsStdin });
  checkTransferPath(operation, call.values);
  checkPathsOnDisk(operation, call.values, call.flagValues, call.flags, workspace, project.pathDeny);
  placesOf(call, project, workspace);
  checkOutputScope(operation, call.flags);
  const { repo, url } = target;
  const argv = argumentsOf(project, call, { repo: repo.name, repoPath: repo.path, url });
  if (operation.machine === undefined) {
    const profile = profileFor(operation.command, argv, operation.profile);
    checkGitUrl(profile, argv, url);
    mannerOf(call, argv, profile, repo.path);
  }
  const { approval } = operation;
  const why = approval === undefined ? undefined : reasonToAsk(approval, callTexts(call), NONE_YET);
  return { verdict: why === undefined ? "allow" : "ask", argv };
}

/**
 * What a configuration says of a request, apart from what depends on the machine: programs, the checkout's repository and its files are not looked at. The
 * steps are the pipeline's, in its order; a test holds the two together.
 * @param workspace an empty directory, which stands for the checkout
 */
export function judge(project: Project, request: OperationRequest, workspace: string): Judgement {
  return attempt<Judgement>(
    () => judged(project, request, workspace),
    ({ code, message }) => ({ verdict: "deny", code, message }),
  );
}
