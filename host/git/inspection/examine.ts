import { join } from "node:path";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import { isFalse, type AllowedKeys } from "./allowed-keys.ts";
import { parseGitConfig, type GitConfigEntry } from "./config-file.ts";
import { findingFor, originOf, type ConfigPlace } from "./config-findings.ts";
import { fileFinding, shellWord, type Finding } from "./finding.ts";
import { kindOf, Unfit, type Folder } from "../../util/folder.ts";
import type { ProjectFolders } from "./project-folders.ts";
import { directLinkFindings, storeFindings } from "./store-findings.ts";

/** What is known of a workspace without starting git. */
export interface WorkspaceFacts {
  /** Real path of the git directory of this work tree. */
  readonly gitDir: string;
  /** Real path of the git directory with the objects, refs and configuration; differs from `gitDir` in a linked worktree. */
  readonly commonDir: string;
  /** The last `remote.origin.url`. */
  readonly originUrl: string | undefined;
  /** Empty when the workspace can be trusted; at most 50 otherwise. */
  readonly findings: readonly Finding[];
}

/** Told what an examination looks at, before it looks: what its result depends on. */
export interface Observer {
  /** A directory of which entries were looked up. */
  folder(folder: Folder): void;
  /** A file that was read. */
  file(path: string, content: Buffer): void;
}

const MAX_CONFIG_BYTES = 1_048_576;
/** A pointer file holds one path. */
const MAX_POINTER_BYTES = 8_192;
const MAX_FINDINGS = 50;
const CLONE_AGAIN = "clone the repository again, so that .git is a plain directory in the workspace";

function unreadable(path: string, error: unknown): CodedError {
  const reason = error instanceof Unfit ? error.message : `cannot be read (${errnoOf(error) ?? "unknown error"})`;
  return new CodedError("workspace_unreadable", `${quoted(path)} ${reason}`, { cause: error });
}

/** Runs `work`; what it cannot read of the workspace becomes `workspace_unreadable`. */
function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Unfit || errnoOf(error) !== undefined) throw unreadable(path, error);
    throw error;
  }
}

/** Where a workspace keeps its repository; `findings` says why no further look was taken. */
interface Located {
  readonly gitDir?: Folder;
  /** Present in a linked worktree. */
  readonly commonDir?: Folder;
  readonly findings: readonly Finding[];
}

/** One examination of one workspace. */
export class Examination {
  readonly #folders: ProjectFolders;
  readonly #allowed: AllowedKeys;
  readonly #observer: Observer;
  readonly #opened: Folder[] = [];

  constructor(folders: ProjectFolders, allowed: AllowedKeys, observer: Observer) {
    this.#folders = folders;
    this.#allowed = allowed;
    this.#observer = observer;
  }

  /** Throws `workspace_unreadable`. */
  run(repoPath: string): WorkspaceFacts {
    try {
      const workspace = reading(repoPath, () => this.#keep(this.#folders.openWorkspace(repoPath)));
      return this.#workspaceFacts(workspace);
    } finally {
      for (const folder of this.#opened.splice(0)) folder.close();
    }
  }

  #keep(folder: Folder): Folder {
    this.#opened.push(folder);
    return folder;
  }

  #workspaceFacts(workspace: Folder): WorkspaceFacts {
    const dotGit = join(workspace.path, ".git");
    const { gitDir, commonDir, findings } = reading(dotGit, () => this.#locate(workspace));
    if (gitDir === undefined) return { gitDir: dotGit, commonDir: dotGit, originUrl: undefined, findings };
    const common = commonDir ?? gitDir;
    const config = this.#config(common, this.#place(workspace, common, commonDir !== undefined));
    const all = [
      ...findings,
      ...this.#worktreeConfigFindings(gitDir, common, config.entries),
      ...reading(gitDir.path, () => directLinkFindings(gitDir)),
      ...(commonDir === undefined ? [] : reading(common.path, () => directLinkFindings(common))),
      ...reading(common.path, () =>
        storeFindings(common, (folder) => {
          this.#observer.folder(folder);
        }),
      ),
      ...config.findings,
    ];
    return { gitDir: gitDir.path, commonDir: common.path, originUrl: config.originUrl, findings: bounded(all) };
  }

  #locate(workspace: Folder): Located {
    const path = join(workspace.path, ".git");
    const stats = workspace.stats(".git");
    if (stats === undefined) throw new Unfit("does not exist");
    const kind = kindOf(stats);
    if (kind === "file") return this.#followPointers(workspace, path);
    if (kind !== "directory") {
      const why = kind === "link" ? "is a link, so the repository lies elsewhere" : "is neither a directory nor a file";
      return { findings: [fileFinding(path, why, CLONE_AGAIN)] };
    }
    const gitDir = this.#observed(workspace.open(".git"));
    if (gitDir.stats("commondir") === undefined) return { gitDir, findings: [] };
    const why = "makes git read its configuration and objects from another directory";
    return { findings: [fileFinding(join(gitDir.path, "commondir"), why, "delete the file")] };
  }

  /** A submodule or linked worktree: `.git` is a file that names the git directory. */
  #followPointers(workspace: Folder, path: string): Located {
    try {
      const content = this.#pointer(workspace, ".git");
      const target = /^gitdir: ([^\r\n]+)[\r\n]*$/.exec(content)?.[1];
      if (target === undefined) throw new Unfit("is not one line `gitdir: PATH`");
      const gitDir = this.#observed(this.#folders.openGitDirectory(target, workspace.path, "submodule or worktree"));
      if (gitDir.stats("commondir") === undefined) return { gitDir, findings: [] };
      const common = /^([^\r\n]+)[\r\n]*$/.exec(this.#pointer(gitDir, "commondir"))?.[1];
      if (common === undefined) throw new Unfit("has a commondir that is not one line");
      const commonDir = this.#observed(this.#folders.openGitDirectory(common, gitDir.path, "any"));
      if (commonDir.stats("commondir") !== undefined)
        throw new Unfit("leads to a linked worktree of a linked worktree");
      return { gitDir, commonDir, findings: [] };
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      const fix = "add the main work tree to repo_paths, or use a clone of its own instead of this work tree";
      return { findings: [fileFinding(path, error.message, fix)] };
    }
  }

  #pointer(folder: Folder, name: string): string {
    const content = folder.read(name, MAX_POINTER_BYTES);
    this.#observer.file(join(folder.path, name), content);
    if (content.includes(0)) throw new Unfit("has a NUL byte");
    return content.toString("utf8");
  }

  #observed(folder: Folder): Folder {
    this.#observer.folder(this.#keep(folder));
    return folder;
  }

  #place(workspace: Folder, common: Folder, isLinked: boolean): ConfigPlace {
    return {
      file: join(common.path, "config"),
      // In a linked worktree git ignores the setting; there it is the main work tree's.
      isWorkTree: (value) => this.#folders.isWorkspace(value, common.path, isLinked ? undefined : workspace.path),
    };
  }

  #config(common: Folder, place: ConfigPlace) {
    const content = reading(place.file, () => common.read("config", MAX_CONFIG_BYTES));
    this.#observer.file(place.file, content);
    const parsed = parseGitConfig(content);
    if (!parsed.ok)
      throw unreadable(place.file, new Unfit(`is not a git configuration: line ${parsed.line}: ${parsed.message}`));
    const { entries } = parsed;
    const origin = originOf(entries, place);
    const findings = origin.finding === undefined ? [] : [origin.finding];
    for (const entry of entries) {
      if (findings.length > MAX_FINDINGS) break;
      const finding = findingFor(entry, place, this.#allowed);
      if (finding !== undefined) findings.push(finding);
    }
    return { entries, originUrl: origin.url, findings };
  }

  #worktreeConfigFindings(gitDir: Folder, common: Folder, entries: readonly GitConfigEntry[]): Finding[] {
    const name = "config.worktree";
    const enabled = entries.some(
      ({ section, subsection, key, value }) =>
        section === "extensions" && subsection === undefined && key === "worktreeconfig" && !isFalse(value),
    );
    if (!enabled || gitDir.stats(name) === undefined) return [];
    const config = shellWord(join(common.path, "config"));
    const command = `git config --file ${config ?? "CONFIG"} --unset-all extensions.worktreeConfig`;
    const why = "is further configuration for this work tree (`git sparse-checkout` makes one)";
    return [fileFinding(join(gitDir.path, name), why, config === undefined ? "delete the file" : command)];
  }
}

/** Repeated commands, as for the keys of one section, are said once. */
function bounded(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  const distinct = findings.filter(({ file, fix, why }) => {
    const identity = JSON.stringify([file, why, fix]);
    return !seen.has(identity) && seen.add(identity).size > 0;
  });
  return distinct.slice(0, MAX_FINDINGS);
}
