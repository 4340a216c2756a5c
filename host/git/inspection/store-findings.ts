import { join } from "node:path";
import { fileFinding, shown, type Finding } from "./finding.ts";
import { Unfit, type Folder } from "../../util/folder.ts";

/** Most entries that are listed of one directory of a repository. */
const MAX_ENTRIES = 20_000;

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

/** A directory, of which no entry may be a link except the named ones. */
function linkFindings(folder: Folder, why: string, except: readonly string[] = []): Finding[] {
  try {
    return folder
      .entries(MAX_ENTRIES)
      .filter(({ name, kind }) => kind === "link" && !except.includes(name))
      .slice(0, 8)
      .map(({ name }) => fileFinding(join(folder.path, name), why, "replace the link by what it points at"));
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

/**
 * What makes the object store of a git directory reach outside itself. Looks at `objects`, its entries, `objects/pack` and
 * `objects/info`; single loose objects are not looked at. `visit` is told every directory that was looked at, before it
 * is. Throws system errors, and `Unfit` when there is no object store.
 */
export function storeFindings(gitDirectory: Folder, visit: (folder: Folder) => void): Finding[] {
  const { folder: objects, finding } = openStore(gitDirectory, "objects");
  if (finding !== undefined) return [finding];
  if (objects === undefined) throw new Unfit("has no objects");
  try {
    visit(objects);
    const findings = linkFindings(objects, "is a link, so objects come from elsewhere");
    for (const [name, look] of [
      ["info", alternatesFindings],
      ["pack", packFindings],
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

function packFindings(pack: Folder): Finding[] {
  return linkFindings(pack, "is a link, so objects come from elsewhere");
}

/**
 * Links directly in a git directory: git would read, or write, what they point at. `hooks` may be one, since hooks are
 * never run.
 */
export function directLinkFindings(gitDirectory: Folder): Finding[] {
  return linkFindings(gitDirectory, "is a link, which git would follow when it reads or writes", ["hooks"]);
}
