import { join } from "node:path";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { quoted } from "../../../wire/text.ts";
import type { AllowedKeys } from "./allowed-keys.ts";
import { parseGitConfig, type GitConfigEntry } from "./config-file.ts";
import { findingFor, originOf, type ConfigFile, type ConfigPlace } from "./config-findings.ts";
import { fileFinding, misplaced, type Finding } from "./finding.ts";
import { kindOf, Unfit, type Folder } from "../../util/folder.ts";
import { locate, type Located } from "./locate.ts";
import type { ProjectFolders } from "./project-folders.ts";
import { formatOf, hasWorktreeConfig, PLAIN_FORMAT, type RepositoryFormat } from "./repository-format.ts";
import { directFindings, storeFindings } from "./store-findings.ts";
import { treesFindings } from "./tree-findings.ts";

/** What is known of a workspace without starting git. */
export interface WorkspaceFacts extends RepositoryFormat {
  /** Real path of the git directory of this work tree. */
  readonly gitDir: string;
  /** Real path of the git directory with the objects, refs and configuration; differs from `gitDir` in a linked worktree. */
  readonly commonDir: string;
  /** The last `remote.origin.url`. */
  readonly originUrl: string | undefined;
  /**
   * The entries of `config`, then of `config.worktree` where git reads it, in git's order; without those that are findings.
   * `line` counts in the file that the entry comes from.
   */
  readonly config: readonly GitConfigEntry[];
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
/** One line, with the name of a branch. */
const MAX_HEAD_BYTES = 8_192;
const MAX_FINDINGS = 50;
/** git's own condition for a directory to be a repository; with another HEAD it goes on and takes the next one. */
const HEAD = /^(?:ref:[ \t\n\r]*refs\/|[0-9a-fA-F]{40})/;

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

/** The directories of a repository, open. */
interface Repository {
  readonly workspace: Folder;
  readonly gitDir: Folder;
  /** The same as `gitDir` but in a linked worktree. */
  readonly common: Folder;
}

interface Configuration extends RepositoryFormat {
  readonly originUrl: string | undefined;
  readonly config: readonly GitConfigEntry[];
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

  #read(folder: Folder, name: string, limit: number): Buffer {
    const content = folder.read(name, limit);
    this.#observer.file(join(folder.path, name), content);
    return content;
  }

  #locate(workspace: Folder): Located {
    return locate(workspace, {
      folders: this.#folders,
      observed: (folder) => {
        this.#observer.folder(this.#keep(folder));
        return folder;
      },
      read: (folder, name, limit) => this.#read(folder, name, limit),
    });
  }

  #workspaceFacts(workspace: Folder): WorkspaceFacts {
    const dotGit = join(workspace.path, ".git");
    const { gitDir, commonDir, findings } = reading(dotGit, () => this.#locate(workspace));
    if (gitDir === undefined) {
      return { ...PLAIN_FORMAT, gitDir: dotGit, commonDir: dotGit, originUrl: undefined, config: [], findings };
    }
    const repository = { workspace, gitDir, common: commonDir ?? gitDir };
    const configuration = this.#configuration(repository);
    const all = [...findings, ...this.#layoutFindings(repository), ...configuration.findings];
    return {
      ...configuration,
      gitDir: gitDir.path,
      commonDir: repository.common.path,
      findings: bounded(all),
    };
  }

  #layoutFindings({ gitDir, common }: Repository): Finding[] {
    const visit = (folder: Folder): void => {
      this.#observer.folder(folder);
    };
    const directories = gitDir === common ? [gitDir] : [gitDir, common];
    return [
      ...directories.flatMap((folder) =>
        reading(folder.path, () => [...directFindings(folder), ...treesFindings(folder, visit)]),
      ),
      ...reading(gitDir.path, () => this.#headFindings(gitDir)),
      ...reading(common.path, () => [...refsFindings(common), ...storeFindings(common, visit)]),
    ];
  }

  /** Without a HEAD that git understands, the workspace itself, or a directory above it, would be taken for the repository. */
  #headFindings(gitDir: Folder): Finding[] {
    const path = join(gitDir.path, "HEAD");
    const stats = gitDir.stats("HEAD");
    const kind = stats === undefined ? undefined : kindOf(stats);
    if (kind !== undefined && kind !== "file") return [misplaced(path, kind)];
    const isGood = kind === "file" && HEAD.test(this.#read(gitDir, "HEAD", MAX_HEAD_BYTES).toString("latin1"));
    if (isGood) return [];
    const why = `${kind === undefined ? "does not exist" : "names no ref or commit"}, so git would look for another repository`;
    return [fileFinding(path, why, "clone the repository again")];
  }

  #configuration({ workspace, gitDir, common }: Repository): Configuration {
    const isLinked = gitDir !== common;
    const main = this.#configFile(common, "config", {
      // In a linked worktree git ignores the setting; there it is the main work tree's.
      isWorkTree: (value) => this.#folders.isWorkspace(value, common.path, isLinked ? undefined : workspace.path),
    });
    if (main === undefined) throw unreadable(join(common.path, "config"), new Unfit("does not exist"));
    const files = [main];
    if (main.file !== undefined && hasWorktreeConfig(main.file.entries)) {
      // With this extension git obeys the setting in a linked worktree as well.
      const place = { isWorkTree: (value: string) => this.#folders.isWorkspace(value, gitDir.path, workspace.path) };
      if (isLinked) files[0] = { ...main, file: { ...main.file, place: { ...main.file.place, ...place } } };
      const own = this.#configFile(gitDir, "config.worktree", place);
      if (own !== undefined) files.push(own);
    }
    const format = main.file === undefined ? PLAIN_FORMAT : formatOf(main.file.entries);
    const read = files.flatMap(({ file }) => file ?? []);
    const misplacements = files.flatMap(({ finding }) => finding ?? []);
    return { ...format, ...this.#sorted(read, misplacements) };
  }

  /** Undefined when there is no such file; a finding when it is something else. Throws `workspace_unreadable`. */
  #configFile(
    folder: Folder,
    name: string,
    place: Omit<ConfigPlace, "file">,
  ): { readonly file?: ConfigFile; readonly finding?: Finding } | undefined {
    const path = join(folder.path, name);
    const stats = reading(path, () => folder.stats(name));
    if (stats === undefined) return undefined;
    const kind = kindOf(stats);
    if (kind !== "file") return { finding: misplaced(path, kind) };
    const parsed = parseGitConfig(reading(path, () => this.#read(folder, name, MAX_CONFIG_BYTES)));
    if (!parsed.ok)
      throw unreadable(path, new Unfit(`is not a git configuration: line ${parsed.line}: ${parsed.message}`));
    return { file: { place: { ...place, file: path }, entries: parsed.entries } };
  }

  /** Tells what is harmless from what is not. */
  #sorted(
    files: readonly ConfigFile[],
    misplacements: readonly Finding[],
  ): Omit<Configuration, keyof RepositoryFormat> {
    const origin = originOf(files);
    const findings = [...misplacements, ...(origin.finding === undefined ? [] : [origin.finding])];
    const config: GitConfigEntry[] = [];
    for (const { place, entries } of files) {
      for (const entry of entries) {
        const finding = findingFor(entry, place, this.#allowed);
        if (finding === undefined) config.push(entry);
        else findings.push(finding);
      }
    }
    return { originUrl: origin.url, config, findings };
  }
}

/** Without `refs`, too, git would look for another repository. */
function refsFindings(common: Folder): Finding[] {
  const stats = common.stats("refs");
  if (stats?.isDirectory() === true || stats?.isSymbolicLink() === true) return [];
  const why = `${stats === undefined ? "does not exist" : "is not a directory"}, so git would look for another repository`;
  return [fileFinding(join(common.path, "refs"), why, "clone the repository again")];
}

/** Repeated commands, as for the keys of one section, are said once; the layout comes first. */
function bounded(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  const distinct = findings.filter(({ file, fix, why }) => {
    const identity = JSON.stringify([file, why, fix]);
    return !seen.has(identity) && seen.add(identity).size > 0;
  });
  const layout = distinct.filter(({ concerns }) => concerns === "layout");
  return [...layout, ...distinct.filter(({ concerns }) => concerns !== "layout")].slice(0, MAX_FINDINGS);
}
