import { CodedError } from "../../wire/errors.ts";
import type { ProfileName } from "../../wire/names.ts";
import { gitWords, isRemoteGit, programName } from "../project/push.ts";

/**
 * The recipe for a program: git and gh have their own whatever the configuration says, because those protect the host; otherwise what the operation names,
 * else aws by name, else minimal.
 */
export function profileFor(command: string, args: readonly string[], named: ProfileName | undefined): ProfileName {
  const words = gitWords(command, args);
  if (words !== undefined)
    return isRemoteGit(words[0] ?? "") ? "git_remote_strict" : named === "git_remote_strict" ? named : "git";
  const program = programName(command);
  if (program === "gh") return "gh";
  if (named !== undefined) return named;
  return program === "aws" ? "aws" : "minimal";
}

/**
 * A remote git operation names the project's own URL right behind the subcommand, which is the first argument; nothing else may stand there.
 * @throws CodedError `git_url_contract`
 */
export function checkGitUrl(profile: ProfileName, args: readonly string[], expectedUrl: string): void {
  if (profile !== "git_remote_strict" || args[1] === expectedUrl) return;
  throw new CodedError(
    "git_url_contract",
    "cmd2host: a remote git operation must have {expected_git_url} right after the subcommand",
  );
}
