import { realpathSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { quoted } from "../../../wire/text.ts";
import { Folder, Unfit } from "../../util/folder.ts";

/** A workspace that the project lists. */
interface Home {
  /** As the configuration spells it, without `.` and `..`. */
  readonly spelled: string;
  /** The real path of the outermost workspace that it lies in, or its own: links up to here are the owner's. */
  readonly root: string;
  /** What follows `root`: empty, or a separator and names. A container can write here, so no link is followed. */
  readonly below: string;
}

/** Whether `path` lies below `directory`; both absolute and without `.` and `..`. */
function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

function realOrUndefined(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** The outermost first, so that what lies in another workspace is reached through that one. */
function homesOf(paths: readonly string[]): readonly Home[] {
  const homes: Home[] = [];
  const sorted = [...new Set(paths.map((path) => resolve(path)))].sort((one, other) => one.length - other.length);
  for (const spelled of sorted) {
    const outer = homes.find((home) => isBelow(spelled, home.spelled));
    if (outer !== undefined) {
      homes.push({ ...outer, spelled, below: outer.below + spelled.slice(outer.spelled.length) });
      continue;
    }
    const root = realOrUndefined(spelled);
    if (root !== undefined) homes.push({ spelled, root, below: "" });
  }
  return homes;
}

/**
 * Whether a path means the same to the system as to `path.resolve`: no `..` behind a name, which the system would apply to
 * whatever a link points at.
 */
function isPlain(path: string): boolean {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const firstName = parts.findIndex((part) => part !== "..");
  return firstName < 0 || !parts.includes("..", firstName);
}

/** Which git directories of a workspace a pointer file may name. */
type Named = "submodule or worktree" | "any";

function isGitDirectoryOf(path: string, workspace: string, named: Named): boolean {
  const main = join(workspace, ".git");
  if (path === main) return named === "any";
  return isBelow(path, join(main, "modules")) || isBelow(path, join(main, "worktrees"));
}

/** Opens `root` and then one part of `below` after the other, none of which may be a link. */
function openBelow(root: string, below: string): Folder {
  let folder = Folder.openRoot(root);
  for (const part of below.split(sep)) {
    if (part === "") continue;
    const outer = folder;
    try {
      folder = outer.open(part);
    } catch (error) {
      const place = quoted(join(outer.path, part));
      throw new Unfit(`leads over ${place}, which is not a directory that can be opened`, { cause: error });
    } finally {
      outer.close();
    }
  }
  return folder;
}

/** Opens directories of a project's workspaces without following a link that a workspace could have made. */
export class ProjectFolders {
  readonly #homes: readonly Home[];

  /** Paths that do not exist are left out. */
  constructor(paths: readonly string[]) {
    this.#homes = homesOf(paths);
  }

  /** Opens one of the workspaces. Throws `Unfit` and system errors. */
  openWorkspace(path: string): Folder {
    const spelled = resolve(path);
    const home = this.#homes.find((candidate) => candidate.spelled === spelled);
    if (home === undefined) throw new Unfit("does not exist");
    return openBelow(home.root, home.below);
  }

  /**
   * Opens the git directory that a pointer file names: what lies in `modules` or `worktrees` of `<workspace of the
   * project>/.git`, or with "any" that directory itself. `from` is the real path that a relative pointer starts at. Throws
   * `Unfit` and system errors.
   */
  openGitDirectory(pointer: string, from: string, named: Named): Folder {
    const path = resolve(from, pointer);
    if (isPlain(pointer)) {
      for (const { spelled, root, below } of this.#homes) {
        const workspace = [spelled, root + below].find((candidate) => isGitDirectoryOf(path, candidate, named));
        if (workspace !== undefined) return openBelow(root, below + path.slice(workspace.length));
      }
    }
    throw new Unfit("points outside the git directories of the project's workspaces");
  }

  /** Whether a path that is written at the real path `from` means a workspace of the project; with `only`, just that one. */
  isWorkspace(path: string, from: string, only?: string): boolean {
    if (!isPlain(path)) return false;
    const meant = resolve(from, path);
    return this.#homes.some(({ spelled, root, below }) => {
      const real = root + below;
      return (spelled === meant || real === meant) && (only === undefined || only === real);
    });
  }
}
