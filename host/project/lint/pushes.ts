import { mayPush } from "../compile.ts";
import { gitSubcommand, gitWords, isRemoteGit, programName } from "../push.ts";
import type { Operation } from "../types.ts";
import { pointerTo, type OperationRule } from "./finding.ts";

/** Operations that push in a project that allows no branch. */
export const pushNeedsBranches: OperationRule = (operation, at, report, { loaded }) => {
  if (!mayPush(operation) || loaded.project.branchAllow.length > 0 || !loaded.project.allowed.includes(operation.id))
    return;
  report({
    severity: "error",
    rule: "branch_allow_missing",
    pointer: at,
    message: "the operation may push, and constraints.branch_allow is missing or empty",
    fix: 'Add constraints.branch_allow, for example ["ai/.+"].',
  });
};

const FETCHING = "Fetch with an operation git fetch {expected_git_url} …, and merge inside the container.";
const PUSHING = "Push with an operation git push {expected_git_url} SOURCE:refs/heads/BRANCH.";
const LEAVE_OUT = "Leave it out, or do it inside the container.";

/** Subcommands that talk to another host in a way of their own. Second words: only with one of them; none is always. */
const REFUSED: ReadonlyMap<string, { readonly second?: readonly string[]; readonly fix: string }> = new Map([
  ["clone", { fix: "Clone on the host by hand; fetch into the checkout with git fetch {expected_git_url} …." }],
  ["pull", { fix: FETCHING }],
  ["fetch-pack", { fix: FETCHING }],
  ["http-fetch", { fix: FETCHING }],
  ["remote", { second: ["update", "show", "prune", "set-head", "add"], fix: FETCHING }],
  ["submodule", { second: ["update", "add"], fix: "Give the submodule a project of its own and fetch there." }],
  ["send-pack", { fix: PUSHING }],
  ["http-push", { fix: PUSHING }],
  ["subtree", { second: ["push", "pull", "add"], fix: PUSHING }],
  ["lfs", { second: ["push", "pull", "fetch", "clone"], fix: LEAVE_OUT }],
  ["svn", { fix: LEAVE_OUT }],
  ["p4", { fix: LEAVE_OUT }],
  ["cvsimport", { fix: LEAVE_OUT }],
  ["archimport", { fix: LEAVE_OUT }],
  ["request-pull", { fix: LEAVE_OUT }],
  ["send-email", { fix: LEAVE_OUT }],
  ["imap-send", { fix: LEAVE_OUT }],
]);

function refusedRemote(operation: Operation): string | undefined {
  const texts = operation.template.map((element) => element.text);
  const [subcommand = "", ...rest] = gitWords(operation.command, texts) ?? [];
  const entry = REFUSED.get(subcommand);
  return entry?.second === undefined || entry.second.some((word) => rest.includes(word)) ? entry?.fix : undefined;
}

/** Subcommands of git that would connect by themselves: only push, fetch and ls-remote go through the daemon's own repository. */
export const gitRemotes: OperationRule = (operation, at, report) => {
  const fix = refusedRemote(operation);
  if (fix === undefined) return;
  report({
    severity: "error",
    rule: "git_remote_refused",
    pointer: at + pointerTo("args_template"),
    message:
      "it is refused when it is called: of what talks to a remote only git push, git fetch and git ls-remote run",
    fix,
  });
};

/** Remote git operations must name the project's own URL right behind the subcommand. */
export const gitUrl: OperationRule = (operation, at, report) => {
  if (programName(operation.command) !== "git") return;
  const texts = operation.template.map((element) => element.text);
  const subcommand = gitSubcommand(texts)[0] ?? "";
  if (!isRemoteGit(subcommand) || texts[1] === "{expected_git_url}" || refusedRemote(operation) !== undefined) return;
  report({
    severity: "error",
    rule: "git_url_contract",
    pointer: at + pointerTo("args_template"),
    message: `git ${subcommand} is refused unless {expected_git_url} stands right behind ${subcommand}`,
    fix: `Write ["${subcommand}", "{expected_git_url}", …].`,
  });
};
