import { join } from "node:path";
import { kindOf, Unfit, type Folder } from "../../util/folder.ts";
import { fileFinding, type Finding } from "./finding.ts";
import type { ProjectFolders } from "./project-folders.ts";

/** A pointer file holds one path. */
const MAX_POINTER_BYTES = 8_192;
const CLONE_AGAIN = "clone the repository again, so that .git is a plain directory in the workspace";

/** Where a workspace keeps its repository; `findings` says why no further look was taken. */
export interface Located {
  readonly gitDir?: Folder;
  /** Present in a linked worktree. */
  readonly commonDir?: Folder;
  readonly findings: readonly Finding[];
}

/** What finding a repository needs of the examination that it is part of. */
export interface Looking {
  readonly folders: ProjectFolders;
  /** Takes note of a directory and closes it at the end. */
  readonly observed: (folder: Folder) => Folder;
  /** Reads a file of at most `limit` bytes and takes note of its content. */
  readonly read: (folder: Folder, name: string, limit: number) => Buffer;
}

/** Finds the git directory of an open workspace. Throws `Unfit` where there is none, and system errors. */
export function locate(workspace: Folder, looking: Looking): Located {
  const path = join(workspace.path, ".git");
  const stats = workspace.stats(".git");
  if (stats === undefined) throw new Unfit("does not exist");
  const kind = kindOf(stats);
  if (kind === "file") return followPointers(workspace, path, looking);
  if (kind !== "directory") {
    const why = kind === "link" ? "is a link, so the repository lies elsewhere" : "is neither a directory nor a file";
    return { findings: [fileFinding(path, why, CLONE_AGAIN)] };
  }
  const gitDir = looking.observed(workspace.open(".git"));
  if (gitDir.stats("commondir") === undefined) return { gitDir, findings: [] };
  const why = "makes git read its configuration and objects from another directory";
  return { findings: [fileFinding(join(gitDir.path, "commondir"), why, "delete the file")] };
}

/** A submodule or linked worktree: `.git` is a file that names the git directory. */
function followPointers(workspace: Folder, path: string, looking: Looking): Located {
  const { folders, observed } = looking;
  try {
    const target = /^gitdir: ([^\r\n]+)[\r\n]*$/.exec(pointer(workspace, ".git", looking))?.[1];
    if (target === undefined) throw new Unfit("is not one line `gitdir: PATH`");
    const gitDir = observed(folders.openGitDirectory(target, workspace.path, "submodule or worktree"));
    if (gitDir.stats("commondir") === undefined) return { gitDir, findings: [] };
    const common = /^([^\r\n]+)[\r\n]*$/.exec(pointer(gitDir, "commondir", looking))?.[1];
    if (common === undefined) throw new Unfit("has a commondir that is not one line");
    const commonDir = observed(folders.openGitDirectory(common, gitDir.path, "any"));
    if (commonDir.stats("commondir") !== undefined) throw new Unfit("leads to a linked worktree of a linked worktree");
    return { gitDir, commonDir, findings: [] };
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    const fix = "add the main work tree to repo_paths, or use a clone of its own instead of this work tree";
    return { findings: [fileFinding(path, error.message, fix)] };
  }
}

function pointer(folder: Folder, name: string, { read }: Looking): string {
  const content = read(folder, name, MAX_POINTER_BYTES);
  if (content.includes(0)) throw new Unfit("has a NUL byte");
  return content.toString("utf8");
}
