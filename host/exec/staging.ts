import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { DirHandle, DirHandleError, type Reach } from "../util/dir-handle.ts";
import { createStaged, StagedOutput, type StagedFile } from "./staging-output.ts";
import { RemovalBudget, removeEntry } from "./staging-removal.ts";

export type { StagedFile } from "./staging-output.ts";

export type StagingSettings =
  /** In `.cmd2host-staging` of the workspace: on the destination's file system, but a container can reach it. */
  | { readonly mode: "workspace" }
  /** In a directory of the owner's that exists: out of every container's reach when it lies outside all workspaces. */
  | { readonly mode: "explicit"; readonly root: string };

const STAGING_NAME = ".cmd2host-staging";
const SLOT_NAME = "0";
const PRIVATE_MODE = 0o700;
const ENTRY_NAME = /^[0-9a-f]{32}$/;

/** Most files and directories that one clean-up removes or one sweep looks at; what is left waits for the next sweep. */
const MAX_REMOVED = 5_000;
const MAX_LISTED = 20_000;

/**
 * Entries that were touched more recently are never swept, whatever the caller asks for. Several daemons can share a
 * workspace and do not know each other's time limits, so age alone would not tell a leftover from a running command:
 * every `sweep` therefore touches its own entries in flight. With a sweep each hour, an entry that was not touched for two
 * hours has no living owner.
 */
export const SWEEP_FLOOR_MS = 2 * 60 * 60 * 1_000;

function reasonOf(error: unknown): string {
  if (error instanceof DirHandleError) return error.message;
  const code = errnoOf(error);
  if (code === undefined) throw error;
  return code === "ENOENT" ? "does not exist" : code;
}

/** The open directories of one staged file, and what is to be done before they are closed. */
class OpenPlace {
  readonly #handles: DirHandle[] = [];
  #work: () => void = () => undefined;

  keep(handle: DirHandle): DirHandle {
    this.#handles.push(handle);
    return handle;
  }

  atEnd(work: () => void): void {
    this.#work = work;
  }

  /** A second call does nothing. */
  leave(): void {
    const work = this.#work;
    this.#work = () => undefined;
    try {
      work();
    } finally {
      for (const handle of this.#handles.splice(0).reverse()) handle.close();
    }
  }
}

/**
 * Keeps the output file of a command away from its destination until the command has succeeded. Directories are reached
 * through handles and no link in the workspace is followed, so that a workspace that changes meanwhile cannot lead a write
 * elsewhere (on systems without /proc a gap remains, see `Reach`). The command itself opens its file by path: in workspace
 * mode a container that can write to the staging directory can replace the file by a link while the command runs; only
 * explicit mode rules that out.
 */
export class Staging {
  readonly #settings: StagingSettings;
  readonly #log: (message: string) => void;
  readonly #now: () => number;
  readonly #reach: Reach | undefined;
  readonly #inFlight = new Map<string, DirHandle>();
  #lastSweepAt: number | undefined;

  constructor(
    settings: StagingSettings,
    log: (message: string) => void,
    options: { readonly now?: () => number; readonly reach?: Reach } = {},
  ) {
    this.#settings = settings;
    this.#log = log;
    this.#now = options.now ?? Date.now;
    this.#reach = options.reach;
  }

  /**
   * Makes an empty file of mode 0600, in directories of its own of mode 0700. `destination.relative` is relative to the
   * workspace's real path and names no link. Throws `staging_unavailable`.
   */
  allocate(workspaceRoot: string, destination: { readonly absolute: string; readonly relative: string }): StagedFile {
    if (!isPlainRelative(destination.relative)) throw new RangeError("destination must be a plain relative path");
    const place = new OpenPlace();
    try {
      const workspace = place.keep(DirHandle.open(realpathSync.native(workspaceRoot), this.#reach));
      const root = place.keep(this.#openRoot(workspace));
      const id = randomBytes(16).toString("hex");
      const entry = place.keep(root.make(id, PRIVATE_MODE));
      this.#inFlight.set(id, entry);
      place.atEnd(() => {
        this.#remove(root, id, entry);
        this.#inFlight.delete(id);
      });
      const slot = place.keep(entry.make(SLOT_NAME, PRIVATE_MODE));
      const outputMode = createStaged(slot);
      const cleanUp = (): void => {
        place.leave();
      };
      return new StagedOutput({ workspace, slot, destination, cleanUp }, outputMode);
    } catch (error) {
      place.leave();
      const where = this.#describeRoot(workspaceRoot);
      throw new CodedError("staging_unavailable", `workspace_path staging: ${where}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * Removes what earlier daemons left: entries of the given workspaces, or of the explicit root, that were not touched for
   * `minAgeMs`, and at least two hours. To be called at start and then every hour. Never throws; says in the log what it
   * had to leave.
   */
  sweep(workspaceRoots: readonly string[], minAgeMs: number): void {
    const now = this.#now();
    this.#touchInFlight();
    // After the machine slept, other daemons had no time to touch theirs.
    const slept = this.#lastSweepAt !== undefined && now - this.#lastSweepAt > SWEEP_FLOOR_MS;
    this.#lastSweepAt = now;
    if (slept) return;
    const before = now - Math.max(minAgeMs, SWEEP_FLOOR_MS);
    const roots = this.#settings.mode === "explicit" ? [this.#settings.root] : new Set(workspaceRoots);
    for (const root of roots) this.#sweepOne(root, before);
  }

  #openRoot(workspace: DirHandle): DirHandle {
    if (this.#settings.mode === "workspace") return workspace.ensure(STAGING_NAME, PRIVATE_MODE);
    return DirHandle.open(this.#settings.root, this.#reach);
  }

  #describeRoot(workspaceRoot: string): string {
    return this.#settings.mode === "explicit"
      ? `root ${quoted(this.#settings.root)}`
      : `${STAGING_NAME} in ${quoted(workspaceRoot)}`;
  }

  /** Removes an entry of ours, unless something else was put in its place. */
  #remove(root: DirHandle, id: string, entry: DirHandle): void {
    try {
      const [own, now] = [entry.ownStats(), root.stats(id)];
      if (now === undefined) return;
      const isOurs = now.ino === own.ino && now.dev === own.dev;
      if (isOurs && removeEntry(root, id, new RemovalBudget(MAX_REMOVED))) return;
      this.#log(`staging: ${quoted(entry.path)} could not be removed; it stays until a later sweep`);
    } catch (error) {
      this.#log(`staging: ${quoted(entry.path)} could not be removed (${reasonOf(error)})`);
    }
  }

  #touchInFlight(): void {
    for (const entry of this.#inFlight.values()) {
      try {
        entry.touch();
      } catch (error) {
        this.#log(`staging: ${quoted(entry.path)} could not be touched (${reasonOf(error)})`);
      }
    }
  }

  #sweepOne(place: string, before: number): void {
    const opened: DirHandle[] = [];
    try {
      const root = this.#openExisting(place, opened);
      if (root !== undefined) this.#sweepRoot(root, before);
    } catch (error) {
      this.#log(`Warning: staging root of ${quoted(place)} skipped: ${reasonOf(error)}`);
    } finally {
      for (const handle of opened.reverse()) handle.close();
    }
  }

  /** The staging root of a workspace or the explicit one; undefined when a workspace has none. */
  #openExisting(place: string, opened: DirHandle[]): DirHandle | undefined {
    if (this.#settings.mode === "explicit") {
      opened.push(DirHandle.open(place, this.#reach));
      return opened[0];
    }
    try {
      const workspace = DirHandle.open(realpathSync.native(place), this.#reach);
      opened.push(workspace);
      if (workspace.stats(STAGING_NAME) === undefined) return undefined;
      const root = workspace.sub(STAGING_NAME);
      opened.push(root);
      return root;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  #sweepRoot(root: DirHandle, before: number): void {
    const budget = new RemovalBudget(MAX_REMOVED);
    let listed = 0;
    for (const name of root.names()) {
      listed++;
      if (listed > MAX_LISTED || budget.isUsedUp) {
        this.#log(`staging: ${quoted(root.path)} holds too much for one sweep; the rest stays until a later one`);
        return;
      }
      if (!ENTRY_NAME.test(name) || this.#inFlight.has(name)) continue;
      const stats = root.stats(name);
      if (stats === undefined || Number(stats.mtimeMs) > before) continue;
      if (!removeEntry(root, name, budget)) this.#log(`staging: ${quoted(root.path)}: ${name} could not be removed`);
    }
  }
}

function isPlainRelative(path: string): boolean {
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\0"));
}
