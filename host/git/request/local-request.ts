import { CodedError } from "../../../wire/errors.ts";
import { quoted, shortened } from "../../../wire/text.ts";

/** A git command on the work tree. */
export interface LocalRequest {
  readonly subcommand: string;
  /** Everything behind the subcommand. */
  readonly args: readonly string[];
  /** Whether it may change the index, refs or HEAD. */
  readonly writes: boolean;
}

/** Commands that begin and end within one run, without a program of their own, an editor, or state that waits for a next command. */
const READING = new Set([
  ...["status", "diff", "log", "show", "shortlog", "blame", "annotate", "grep", "describe", "rev-parse", "rev-list"],
  ...["ls-files", "ls-tree", "cat-file", "for-each-ref", "show-ref", "show-branch", "name-rev", "merge-base", "cherry"],
  ...["diff-tree", "diff-index", "diff-files", "whatchanged", "count-objects", "check-ignore"],
  ...["check-attr", "check-ref-format", "version", "var", "symbolic-ref", "branch", "tag", "stripspace", "fsck"],
]);
const WRITING = new Set(["add", "stage", "commit", "rm", "mv", "reset", "restore", "checkout", "switch", "clean"]);
/** They read, unless they are told names. */
const EITHER = new Set(["branch", "tag", "symbolic-ref"]);
/** Options before the subcommand that change nothing that matters. */
const HARMLESS = new Set(["--no-pager", "-P", "--literal-pathspecs", "--no-optional-locks", "--no-replace-objects"]);

function unsupported(what: string, hint?: string): CodedError {
  return new CodedError("git_unsupported", `git on the host does not take ${what}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

function shown(word: string): string {
  return quoted(shortened(word, 120));
}

/** Skips options before the subcommand; `-C` may only repeat where the command runs anyway. */
function subcommandAt(args: readonly string[], repoPath: string): number {
  let at = 0;
  for (let word = args[at]; word?.startsWith("-") === true; word = args[at]) {
    if (HARMLESS.has(word)) at++;
    else if (word === "-C" && [repoPath, "."].includes(args[at + 1] ?? "")) at += 2;
    else throw unsupported(`the option ${shown(word)} before the subcommand`);
  }
  return at;
}

/**
 * What a git command line on the work tree asks for. Aliases, external programs, and commands that leave work for a next command (merge, rebase,
 * stash …) are refused.
 * @throws CodedError `git_unsupported`
 */
export function parseLocalRequest(args: readonly string[], repoPath: string): LocalRequest {
  const at = subcommandAt(args, repoPath);
  const [subcommand = "", ...rest] = args.slice(at);
  const writes = WRITING.has(subcommand) || EITHER.has(subcommand);
  if (!writes && !READING.has(subcommand))
    throw unsupported(shown(`git ${subcommand}`), "Run it inside the container, and let the host fetch and push.");
  return { subcommand, args: rest, writes };
}
