import { interactiveSubcommand } from "../project/interactive.ts";
import type { Operation, Project } from "../project/types.ts";
import { buildArgv } from "./argv.ts";
import { checkBranches } from "./branch-policy.ts";
import { checkFlags, normaliseFlags, type FlagValue } from "./flags.ts";
import { resolveOperation } from "./resolve.ts";
import { interactiveRefusal } from "./typed-refusals.ts";
import { checkParams, type Values } from "./values.ts";

/** An operation that may run, with values that keep every rule which can be judged without looking at the disk. */
export interface Call {
  readonly operation: Operation;
  readonly values: Values;
  /** Normalised. */
  readonly flags: readonly string[];
  readonly flagValues: readonly FlagValue[];
}

/** What a request asks for, whichever route it came by. */
export interface Asked {
  readonly operation: string;
  readonly params: ReadonlyMap<string, unknown>;
  readonly flags: readonly string[];
}

/**
 * The policy: pure, data in, a call or a denial out.
 * @throws CodedError `operation_unknown`, `operation_not_allowed`, `param_*`, `flag_*`
 */
export function checkCall(project: Project, asked: Asked): Call {
  return checkValues(resolveOperation(project, asked.operation), asked);
}

/**
 * The same for an operation that was found.
 * @throws CodedError `param_*`, `flag_*`
 */
export function checkValues(operation: Operation, asked: Asked): Call {
  const flags = normaliseFlags(asked.flags, operation.flags);
  const values = checkParams(operation, asked.params);
  return { operation, values, flags, flagValues: checkFlags(operation, flags) };
}

/** Where a call acts, as far as its arguments are concerned. */
export interface Place {
  readonly repo: string;
  readonly repoPath: string;
  readonly url: string;
}

/** What the template itself spells out was approved, with a warning; values and flags cannot make such a command. */
function refuseInteractive({ command, template }: Operation, args: readonly string[]): void {
  const made = interactiveSubcommand(command, args);
  const spelled = interactiveSubcommand(
    command,
    template.flatMap((element) => (element.kind === "literal" ? [element.text] : [])),
  );
  if (made !== undefined && made !== spelled) throw interactiveRefusal(made);
}

/**
 * The arguments that a call runs with: the second half of the policy, as pure as the first.
 * @param built is told of them before the branches are judged
 * @throws CodedError `param_missing`, `template_incomplete`, `file_url_refused`, `interactive_command`, `branch_denied`, `branch_allow_missing`
 */
export function argumentsOf(
  project: Project,
  call: Call,
  place: Place,
  built?: (args: readonly string[]) => void,
): readonly string[] {
  const injected = { repo: place.repo, repo_path: place.repoPath, expected_git_url: place.url };
  const args = buildArgv(call.operation, call.values, call.flags, { injected, env: project.env });
  refuseInteractive(call.operation, args);
  built?.(args);
  checkBranches(call.operation.command, args, project.branchAllow);
  return args;
}
