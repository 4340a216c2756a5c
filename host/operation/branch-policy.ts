import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { listed } from "../project/listed.ts";
import { pushOf } from "../project/push.ts";
import type { Pattern } from "../util/pattern.ts";

/**
 * Refuses arguments that push anywhere but to a branch whose whole name one of the patterns matches. What is judged is the argument list that would
 * run, not a parameter that happens to be called branch.
 * @throws CodedError `branch_denied`, `branch_allow_missing`
 */
export function checkBranches(command: string, args: readonly string[], branchAllow: readonly Pattern[]): void {
  const push = pushOf(command, args);
  if (push.kind === "none") return;
  if (branchAllow.length === 0)
    throw new CodedError(
      "branch_allow_missing",
      "the operation pushes, and constraints.branch_allow is missing or empty",
    );
  if (push.kind === "unclear")
    throw new CodedError("branch_denied", `branch not allowed: where it pushes to cannot be told (${push.why})`);
  const denied = push.branches.find((branch) => !branchAllow.some((pattern) => pattern.matchesWhole(branch)));
  if (denied === undefined) return;
  throw new CodedError("branch_denied", `branch ${quoted(shortened(denied, 120))} not allowed`, {
    hint: `The whole name must match one of: ${listed(branchAllow.map((pattern) => quoted(pattern.source)))}.`,
  });
}
