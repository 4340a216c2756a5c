import { join } from "node:path";
import { fileFinding, misplaced, shown, type Finding } from "./finding.ts";
import { Unfit, type Folder } from "../../util/folder.ts";

/** Most entries that are listed of one directory of a repository. */
const MAX_ENTRIES = 20_000;
/** Most findings of one kind in one directory: the first ones say enough. */
const MAX_SAID = 8;

/** Opens a directory of the object store; a finding when it is something else, neither when it is absent. */
function openStore(parent: Folder, name: string): { folder?: Folder; finding?: Finding } {
  const path = join(parent.path, name);
  const stats = parent.stats(name);
  if (stats === undefined) return {};
  if (!stats.isDirectory()) {
    const why = stats.isSymbolicLink() ? "is a link, so objects come from elsewhere" : "is not a directory";
    return { finding: fileFinding(path, why, "replace it by a plain directory, or clone the repository again") };
  }
  return { folder: parent.open(name) };
}

/** A directory of which no entry may be a link or a special file. */
function entryFindings(folder: Folder): Finding[] {
  try {
    return folder
      .entries(MAX_ENTRIES)
      .flatMap(({ name, kind }) =>
        kind === "link" || kind === "other" ? [misplaced(join(folder.path, name), kind)] : [],
      )
      .slice(0, MAX_SAID);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    return [fileFinding(folder.path, error.message, "pack the repository inside the container with `git gc`")];
  }
}

/** `objects/info/alternates` and its like make git read objects of other repositories. */
function alternatesFindings(info: Folder): Finding[] {
  return ["alternates", "http-alternates"].flatMap((name) => {
    const stats = info.stats(name);
    if (stats === undefined || (stats.isFile() && stats.size === 0n)) return [];
    const why = stats.isFile() ? "makes git read objects of another repository" : "is not a regular file";
    const fix = `inside the container run \`git repack -a -d\`, then delete ${shown(join(info.path, name))}`;
    return [fileFinding(join(info.path, name), why, fix)];
  });
}

/** One finding for each path. */
function infoFindings(info: Folder): Finding[] {
  const alternates = alternatesFindings(info);
  const named = new Set(alternates.map(({ file }) => file));
  return [...alternates, ...entryFindings(info).filter(({ file }) => !named.has(file))];
}

/**
 * What makes the object store of a git directory reach outside itself. Looks at `objects` and its entries (among them the
 * 256 directories of loose objects), `objects/pack` and `objects/info`; single loose objects are not looked at. `visit` is
 * told every directory that was looked at, before it is. Throws system errors, and `Unfit` when there is no object store.
 */
export function storeFindings(gitDirectory: Folder, visit: (folder: Folder) => void): Finding[] {
  const { folder: objects, finding } = openStore(gitDirectory, "objects");
  if (finding !== undefined) return [finding];
  if (objects === undefined) throw new Unfit("has no objects");
  try {
    visit(objects);
    const findings = entryFindings(objects);
    for (const [name, look] of [
      ["info", infoFindings],
      ["pack", entryFindings],
    ] as const) {
      const part = openStore(objects, name);
      if (part.folder === undefined) continue;
      try {
        visit(part.folder);
        findings.push(...look(part.folder));
      } finally {
        part.folder.close();
      }
    }
    return findings;
  } finally {
    objects.close();
  }
}

/** Names in a git directory that are files for git; it opens them without asking. */
const FILES: ReadonlySet<string> = new Set(["HEAD", "config", "config.worktree", "index", "packed-refs", "shallow"]);
/** git's own watcher of files listens here. Nothing opens it: `core.fsmonitor` is switched off. */
const WATCHER_SOCKET = "fsmonitor--daemon.ipc";

/**
 * Entries of a git directory that are links or special files, or directories in place of git's files: git would follow
 * them, wait for them, or fail. `hooks` may be a link, since hooks are never run.
 */
export function directFindings(gitDirectory: Folder): Finding[] {
  try {
    return gitDirectory
      .entries(MAX_ENTRIES)
      .flatMap(({ name, kind }) => {
        if (kind === "file" || (kind === "directory" && !FILES.has(name))) return [];
        if ((kind === "link" && name === "hooks") || (kind === "other" && name === WATCHER_SOCKET)) return [];
        return gitDirectory.stats(name) === undefined ? [] : [misplaced(join(gitDirectory.path, name), kind)];
      })
      .slice(0, MAX_SAID);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    return [fileFinding(gitDirectory.path, error.message, "delete what git did not put there")];
  }
}
