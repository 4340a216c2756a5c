import { CodedError } from "../../../wire/errors.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import type { DirHandle } from "../../util/dir-handle.ts";
import { isRefName } from "../../util/ref-name.ts";
import { isObjectId, type ObjectFormat, type ObjectId } from "./object-id.ts";
import { DamagedRefs, type Refs } from "./refs.ts";

/** The one commit that is pushed, as it was when the request was decided. */
export interface PushSource {
  readonly id: ObjectId;
  /** The local branch that it came from, for git's own words about the push. */
  readonly branch: string | undefined;
}

const HEADS = "refs/heads/";

function notFound(source: string, why: string): CodedError {
  return new CodedError("git_ref_invalid", `the workspace has no ${quoted(shortened(source, 120))} to push: ${why}`);
}

function branchOf(name: string): string | undefined {
  return name.startsWith(HEADS) ? name.slice(HEADS.length) : undefined;
}

/** Which full names a short one may stand for, the likeliest first. */
function candidates(source: string): readonly string[] {
  if (source.startsWith("refs/")) return [source];
  return [HEADS + source, `refs/tags/${source}`, `refs/remotes/${source}`];
}

/**
 * Finds what a push takes from the workspace: HEAD, a branch or other ref, or a full object name. Expressions like `HEAD~1` are git's to
 * evaluate, in a repository that git is not started in; they are refused.
 * @param gitDir the work tree's own git directory, with HEAD
 * @throws CodedError `git_ref_invalid`; system errors
 */
export function findPushSource(source: string, refs: Refs, gitDir: DirHandle, format: ObjectFormat): PushSource {
  if (isObjectId(source, format)) return { id: source, branch: undefined };
  try {
    if (source === "HEAD" || source === "@") {
      const head = refs.pseudo(gitDir, "HEAD");
      const id = refs.resolve(head);
      if (id === undefined) throw notFound(source, "HEAD leads to no commit yet");
      return { id, branch: head?.kind === "symbolic" ? branchOf(head.target) : undefined };
    }
    for (const name of candidates(source)) {
      const id = isRefName(name) ? refs.resolve(refs.read(name)) : undefined;
      if (id !== undefined) return { id, branch: branchOf(name) };
    }
  } catch (error) {
    if (error instanceof DamagedRefs) throw notFound(source, error.message);
    throw error;
  }
  throw notFound(source, "no branch, tag or remote branch has this name");
}
