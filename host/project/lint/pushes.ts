import { mayPush } from "../compile.ts";
import { gitSubcommand, isRemoteGit, programName } from "../push.ts";
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

/** Remote git operations must name the project's own URL right behind the subcommand. */
export const gitUrl: OperationRule = (operation, at, report) => {
  if (programName(operation.command) !== "git") return;
  const texts = operation.template.map((element) => element.text);
  const subcommand = gitSubcommand(texts)[0] ?? "";
  if (!isRemoteGit(subcommand) || texts[1] === "{expected_git_url}") return;
  report({
    severity: "error",
    rule: "git_url_contract",
    pointer: at + pointerTo("args_template"),
    message: `git ${subcommand} is refused unless {expected_git_url} stands right behind ${subcommand}`,
    fix: `Write ["${subcommand}", "{expected_git_url}", …].`,
  });
};
