import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { DirHandle, DirHandleError, type Reach } from "../util/dir-handle.ts";
import { distrustOf } from "../util/read-trusted.ts";
import { CopyTarget, InputFile, inputName, type StagedInput } from "./staging-input.ts";
import { createStaged, StagedOutput, type StagedFile } from "./staging-output.ts";
import { OpenPlace } from "./staging-place.ts";
import { RemovalBudget, removeEntry } from "./staging-removal.ts";

export type { StagedInput } from "./staging-input.ts";
export type { StagedFile } from "./staging-output.ts";

export type StagingSettings =
  /** In `.cmd2host-staging` of the workspace: on the destination's file system, but a container can reach it. */
  | { readonly mode: "workspace" }
  /** In a directory of the owner's that exists: out of every container's reach when it lies outside all workspaces. */
  | { readonly mode: "explicit"; readonly root: string };

export interface StagingOptions {
  /**
   * Where copies of input files lie: a directory of the owner's that exists and that nobody else can write, in no
   * workspace. Without it the explicit root; in workspace mode there is none then.
   */
  readonly inputRoot?: string;
  readonly now?: () => number;
  readonly reach?: Reach;
}

const STAGING_NAME = ".cmd2host-staging";
const SLOT_NAME = "0";
/** Stands for the directory of a file that is not made. */
const DRY_NAME = "dry-run";
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

function unavailable(where: string, error: unknown): CodedError {
  return new CodedError("staging_unavailable", `${where}: ${reasonOf(error)}`, { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof DirHandleError) return error.message;
  const code = errnoOf(error);
  if (code === undefined) throw error;
  return code === "ENOENT" ? "does not exist" : code;
}

/**
 * Keeps the output file of a command away from its destination until the command has succeeded, and gives commands copies
 * of input files that a container cannot change. Directories are reached through handles and no link in the workspace is
 * followed, so that a workspace that changes meanwhile cannot lead a read or write elsewhere (on systems without /proc a gap
 * remains, see `Reach`). The command itself opens its files by path: in workspace mode a container that can write to the
 * staging directory can replace an output file by a link while the command runs; only explicit mode rules that out.
 */
export class Staging {
  readonly #settings: StagingSettings;
  readonly #log: (message: string) => void;
  readonly #now: () => number;
  readonly #reach: Reach | undefined;
  readonly #inputRoot: string | undefined;
  readonly #inFlight = new Map<string, DirHandle>();
  #lastSweepAt: number | undefined;

  constructor(settings: StagingSettings, log: (message: string) => void, options: StagingOptions = {}) {
    this.#settings = settings;
    this.#log = log;
    this.#now = options.now ?? Date.now;
    this.#reach = options.reach;
    this.#inputRoot = options.inputRoot ?? (settings.mode === "explicit" ? settings.root : undefined);
  }

  /**
   * Makes an empty file of mode 0600, in directories of its own of mode 0700. `destination.relative` is relative to the
   * workspace's real path and names no link. A file that is larger than `maxBytes` in the end is not put in place. Throws
   * `staging_unavailable`.
   */
  allocate(
    workspaceRoot: string,
    destination: { readonly absolute: string; readonly relative: string },
    maxBytes?: number,
  ): StagedFile {
    requirePlain("destination", destination.relative);
    if (maxBytes !== undefined) requireBytes("maxBytes", maxBytes);
    const place = new OpenPlace();
    try {
      const workspace = place.keep(DirHandle.open(realpathSync.native(workspaceRoot), this.#reach));
      const entry = this.#makeEntry(place, place.keep(this.#openRoot(workspace)));
      const slot = place.keep(entry.make(SLOT_NAME, PRIVATE_MODE));
      const outputMode = createStaged(slot);
      const cleanUp = (): void => {
        place.leave();
      };
      return new StagedOutput({ workspace, slot, destination, maxBytes, cleanUp }, outputMode);
    } catch (error) {
      place.leave();
      throw unavailable(`workspace_path staging: ${this.#describeRoot(workspaceRoot)}`, error);
    }
  }

  /**
   * Copies a regular file of the workspace, of at most `limit` bytes, to a file of mode 0400 in a directory of its own of
   * mode 0700, outside the workspace. `relative` is relative to the workspace's real path and names no link. Throws
   * `input_invalid` for anything about the file, changes while it is read among them; `staging_unavailable` for the place.
   */
  async copyIn(workspaceRoot: string, relative: string, limit: number): Promise<StagedInput> {
    requirePlain("relative", relative);
    requireBytes("limit", limit);
    const file = InputFile.open(workspaceRoot, relative, limit, STAGING_NAME, this.#reach);
    const place = new OpenPlace();
    try {
      const entry = this.#makeEntry(place, this.#openInputRoot(place, workspaceRoot));
      const name = inputName(relative);
      const target = new CopyTarget(entry, name);
      const copied = await file.copyTo(target).finally(() => {
        target.close();
      });
      const discard = (): void => {
        place.leave();
      };
      return { path: join(entry.path, name), ...copied, discard };
    } catch (error) {
      place.leave();
      if (error instanceof CodedError) throw error;
      throw unavailable(`input staging: root ${quoted(this.#inputRoot ?? "")}`, error);
    } finally {
      file.close();
    }
  }

  /**
   * What `copyIn` would take, without a copy: the path leads nowhere, and the hash is empty. Throws `input_invalid`.
   */
  lookAt(workspaceRoot: string, relative: string, limit: number): StagedInput {
    requirePlain("relative", relative);
    requireBytes("limit", limit);
    const file = InputFile.open(workspaceRoot, relative, limit, STAGING_NAME, this.#reach);
    try {
      const path = join(this.#inputRoot ?? workspaceRoot, DRY_NAME, inputName(relative));
      return { path, size: file.size, sha256: "", discard: () => undefined };
    } finally {
      file.close();
    }
  }

  /** What `allocate` would give, without a file: the path leads nowhere. */
  pretend(workspaceRoot: string): StagedFile {
    const root = this.#settings.mode === "explicit" ? this.#settings.root : join(workspaceRoot, STAGING_NAME);
    const nothing = (): void => undefined;
    return { path: join(root, DRY_NAME, SLOT_NAME), finalize: nothing, discard: nothing };
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
    const isExplicit = this.#settings.mode === "explicit";
    const own = [isExplicit ? this.#settings.root : undefined, this.#inputRoot].filter((root) => root !== undefined);
    for (const root of new Set(own)) this.#sweepOne(root, before, () => DirHandle.open(root, this.#reach));
    if (isExplicit) return;
    for (const root of new Set(workspaceRoots)) this.#sweepOne(root, before, (keep) => this.#openExisting(root, keep));
  }

  /** A directory for one file, which is removed with all that is in it when the place is left. */
  #makeEntry(place: OpenPlace, root: DirHandle): DirHandle {
    const id = randomBytes(16).toString("hex");
    const entry = place.keep(root.make(id, PRIVATE_MODE));
    this.#inFlight.set(id, entry);
    place.atEnd(() => {
      this.#remove(root, id, entry);
      this.#inFlight.delete(id);
    });
    return entry;
  }

  #openInputRoot(place: OpenPlace, workspaceRoot: string): DirHandle {
    const path = this.#inputRoot;
    if (path === undefined) throw new DirHandleError("is not configured");
    const root = place.keep(DirHandle.open(path, this.#reach));
    const distrust = distrustOf(root.ownStats());
    if (distrust !== undefined) throw new DirHandleError(distrust);
    if (isWithin(realpathSync.native(path), realpathSync.native(workspaceRoot)))
      throw new DirHandleError("lies in the workspace");
    return root;
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

  /** `open` gives every directory that it opens to `keep`, or returns it. */
  #sweepOne(place: string, before: number, open: (keep: OpenPlace) => DirHandle | undefined): void {
    const opened = new OpenPlace();
    try {
      const root = open(opened);
      if (root !== undefined) this.#sweepRoot(opened.keep(root), before);
    } catch (error) {
      this.#log(`Warning: staging root of ${quoted(place)} skipped: ${reasonOf(error)}`);
    } finally {
      opened.leave();
    }
  }

  /** The staging root of a workspace; undefined when it has none. */
  #openExisting(place: string, opened: OpenPlace): DirHandle | undefined {
    try {
      const workspace = opened.keep(DirHandle.open(realpathSync.native(place), this.#reach));
      return workspace.stats(STAGING_NAME) === undefined ? undefined : workspace.sub(STAGING_NAME);
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

function requirePlain(name: string, path: string): void {
  const isPlain = path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\0"));
  if (!isPlain) throw new RangeError(`${name} must be a plain relative path`);
}

function requireBytes(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} must be a whole number of bytes`);
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
