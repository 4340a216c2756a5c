import { createHash } from "node:crypto";
import { lstatSync, statSync, type BigIntStats } from "node:fs";
import { errnoOf } from "../../../wire/errors.ts";
import { AllowedKeys } from "./allowed-keys.ts";
import { Examination, type Observer, type WorkspaceFacts } from "./examine.ts";
import { readBounded, Unfit, type Folder } from "../../util/folder.ts";
import { ProjectFolders } from "./project-folders.ts";

export type { GitConfigEntry } from "./config-file.ts";
export { describeFinding, findingText, shellWord, type Concern, type Finding } from "./finding.ts";
export type { WorkspaceFacts } from "./examine.ts";

/**
 * Says what a workspace's git configuration and layout hold that could run programs, redirect git or reach outside the
 * workspace, without starting git. `projectPaths` are all workspaces of the project; a submodule or linked worktree is
 * accepted when its git directory lies in one of them. Throws `workspace_unreadable`.
 */
export function inspectWorkspace(repoPath: string, projectPaths: readonly string[]): WorkspaceFacts {
  return examine(repoPath, projectPaths, new AllowedKeys(), { folder: () => undefined, file: () => undefined });
}

function examine(
  repoPath: string,
  projectPaths: readonly string[],
  allowed: AllowedKeys,
  observer: Observer,
): WorkspaceFacts {
  return new Examination(new ProjectFolders([...projectPaths, repoPath]), allowed, observer).run(repoPath);
}

type Stamp = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Directories by identity and times, files by content: a file that is mapped into memory changes without new times. */
class Watched implements Observer {
  readonly #repoPath: string;
  readonly #repo: Pick<BigIntStats, "dev" | "ino"> | undefined;
  readonly #folders: (readonly [path: string, Stamp])[] = [];
  readonly #files: (readonly [path: string, size: number, digest: string])[] = [];

  constructor(repoPath: string) {
    this.#repoPath = repoPath;
    this.#repo = statSync(repoPath, { bigint: true, throwIfNoEntry: false });
  }

  folder(folder: Folder): void {
    this.#folders.push([folder.path, folder.ownStats()]);
  }

  file(path: string, content: Buffer): void {
    this.#files.push([path, content.length, digestOf(content)]);
  }

  /** Whether a change after the moment `readAtMs` must show in the times of every directory. */
  isSettled(readAtMs: number): boolean {
    return this.#folders.every(([, stamp]) => isOlder(stamp, readAtMs));
  }

  /** Whether everything is still as it was. */
  holds(): boolean {
    try {
      return this.#repoHolds() && this.#folders.every(folderHolds) && this.#files.every(fileHolds);
    } catch (error) {
      if (error instanceof Unfit || errnoOf(error) !== undefined) return false;
      throw error;
    }
  }

  #repoHolds(): boolean {
    const now = statSync(this.#repoPath, { bigint: true });
    return now.ino === this.#repo?.ino && now.dev === this.#repo.dev;
  }
}

function digestOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("base64");
}

function folderHolds([path, stamp]: readonly [string, Stamp]): boolean {
  const now = lstatSync(path, { bigint: true });
  return (
    now.ctimeNs === stamp.ctimeNs &&
    now.mtimeNs === stamp.mtimeNs &&
    now.size === stamp.size &&
    now.ino === stamp.ino &&
    now.dev === stamp.dev
  );
}

function fileHolds([path, size, digest]: readonly [string, number, string]): boolean {
  return digestOf(readBounded(path, size)) === digest;
}

const NS_PER_MS = 1_000_000n;
/** Longer than the steps in which kernels keep time for files (at most 10 ms). */
const MARGIN_MS = 50n;
/** The same for file systems that keep whole seconds, or two. */
const COARSE_MARGIN_MS = 2_500n;

function isOlder({ mtimeNs, ctimeNs }: Stamp, readAtMs: number): boolean {
  const isCoarse = mtimeNs % (1_000n * NS_PER_MS) === 0n && ctimeNs % (1_000n * NS_PER_MS) === 0n;
  const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return newest / NS_PER_MS + (isCoarse ? COARSE_MARGIN_MS : MARGIN_MS) <= BigInt(readAtMs);
}

interface Known {
  readonly facts: WorkspaceFacts;
  readonly watched: Watched;
}

const MAX_KNOWN = 256;

/**
 * Inspects workspaces, and remembers the ones that could be trusted until something changes that their facts depend on. A
 * directory that was changed within the last clock tick before it was read is not remembered, since another change in the
 * same tick would not show (git's rule for its index). A refused workspace is inspected anew each time.
 */
export class WorkspaceInspector {
  readonly #allowed = new AllowedKeys();
  readonly #known = new Map<string, Known>();

  /** The same as `inspectWorkspace`, faster when nothing changed. */
  inspect(repoPath: string, projectPaths: readonly string[]): WorkspaceFacts {
    const name = JSON.stringify([repoPath, projectPaths]);
    const known = this.#known.get(name);
    if (known?.watched.holds() === true) return known.facts;
    this.#known.delete(name);
    const readAtMs = Date.now();
    const watched = new Watched(repoPath);
    const facts = examine(repoPath, projectPaths, this.#allowed, watched);
    if (facts.findings.length === 0 && watched.isSettled(readAtMs)) this.#remember(name, { facts, watched });
    return facts;
  }

  /** How many workspaces are remembered; at most 256. */
  get size(): number {
    return this.#known.size;
  }

  #remember(name: string, known: Known): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(name, known);
  }
}
