import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { DirHandle } from "../../util/dir-handle.ts";
import type { ObjectFormat, ObjectId } from "../repository/object-id.ts";
import { DamagedRefs, readPlain, Refs } from "../repository/refs.ts";
import type { LocalJob } from "./job.ts";
import type { OpenWorkspace } from "./open-workspace.ts";
import type { OwnRepository } from "./own-repository.ts";
import { viewConfig } from "./view-config.ts";

/** Of the index and all parts that it may be split into. */
const MAX_INDEX_BYTES = 1_073_741_824;
const MAX_INFO_BYTES = 4 * 1_048_576;
const MAX_HEAD_BYTES = 4_096;
const SHARED_INDEX = /^sharedindex\.[0-9a-f]+$/;

/**
 * `git add` asks a git in each submodule for changes there, and fails without an answer; `git fsck` has others look at files that a view does not
 * have. This one answers that there is nothing; whatever else it is asked for fails. No git runs in a submodule, whose configuration nobody looked at.
 */
const NOTHING_TO_SAY = '#!/bin/sh\ncase "$1" in status | commit-graph | multi-pack-index) ;; *) exit 1 ;; esac\n';

/** What stands for a file's content: it changes when the file is replaced or written to. */
function stampOf(stats: { ino: bigint; size: bigint; mtimeNs: bigint } | undefined): string {
  return stats === undefined ? "none" : [stats.ino, stats.size, stats.mtimeNs].join(":");
}

/** Rounded down: for an index that counts as older, git looks at more. */
function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000);
}

/**
 * Copies a regular file of the workspace, with a bound, and returns how many bytes it had. The copy is as old as the file: of files that changed in
 * the second in which the index was written, and later, git looks at the content, and what is younger only in the copy would be passed over.
 */
async function copyIn(directory: DirHandle, name: string, to: string, limit: number): Promise<number> {
  let fd: number;
  try {
    fd = directory.openFile(name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new DamagedRefs(`${name} is not a regular file`);
    if (stats.size > limit) throw new DamagedRefs(`the index has more than ${MAX_INDEX_BYTES} bytes`);
    const from = createReadStream("", { fd, autoClose: false, start: 0, end: limit, highWaterMark: 1_048_576 });
    await pipeline(from, createWriteStream(to, { mode: 0o600 }));
    const seconds = wholeSeconds(stats.mtimeMs);
    utimesSync(to, seconds, seconds);
    return stats.size;
  } finally {
    closeSync(fd);
  }
}

/**
 * A git directory of the daemon's own that stands for a workspace's: its refs, HEAD and index as copies, its harmless configuration as text, its
 * objects from our own repository. git reads and writes here and in the work tree, and nothing in the workspace's `.git`.
 */
export class View {
  readonly path: string;
  readonly #index: string;
  readonly #workspace: OpenWorkspace;
  readonly #indexBefore: string;
  readonly #format: ObjectFormat;
  readonly headBefore: string;
  #copied = "";

  private constructor(path: string, workspace: OpenWorkspace, format: ObjectFormat, head: string) {
    this.path = path;
    this.#format = format;
    this.#workspace = workspace;
    this.#index = join(path, "index");
    this.#indexBefore = stampOf(workspace.gitDir.stats("index"));
    this.headBefore = head;
  }

  /** @param refs all of them lead to whole histories in `own` */
  static async make(
    own: OwnRepository,
    job: LocalJob,
    workspace: OpenWorkspace,
    refs: ReadonlyMap<string, ObjectId>,
  ): Promise<View> {
    const path = mkdtempSync(join(own.path, "view-"));
    const head = readPlain(workspace.gitDir, "HEAD", MAX_HEAD_BYTES)?.toString("latin1") ?? "";
    const view = new View(path, workspace, job.workspace.format, head);
    try {
      for (const name of ["objects/info", "objects/pack", "refs", "info", "programs"])
        mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
      writeFileSync(join(view.programs, "git"), NOTHING_TO_SAY, { mode: 0o700 });
      writeFileSync(join(path, "HEAD"), head, "latin1");
      writeFileSync(join(path, "config"), viewConfig(job.config, job.workspace.format, job.request.writes));
      writeFileSync(join(path, "objects/info/alternates"), `${join(own.path, "objects")}\n`);
      const lines = [...refs].map(([name, id]) => `${id} ${name}\n`);
      writeFileSync(join(path, "packed-refs"), lines.join(""));
      const shallow = readPlain(workspace.commonDir, "shallow", MAX_INFO_BYTES);
      if (shallow !== undefined) writeFileSync(join(path, "shallow"), shallow);
      await view.#copyIndex();
      view.#copyInfo(workspace.commonDir, "exclude");
      view.#copyInfo(workspace.gitDir, "sparse-checkout"); // a work tree's own
      return view;
    } catch (error) {
      view.remove();
      throw error;
    }
  }

  /** All programs that git finds when it runs here. */
  get programs(): string {
    return join(this.path, "programs");
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Whether git left a new index. */
  get hasNewIndex(): boolean {
    const now = statSync(this.#index, { bigint: true, throwIfNoEntry: false });
    return stampOf(now) !== this.#copied;
  }

  /** The index, for the workspace, and when git wrote it, in seconds. */
  newIndex(): { readonly bytes: Buffer; readonly writtenAt: number } {
    return { bytes: readFileSync(this.#index), writtenAt: wholeSeconds(statSync(this.#index).mtimeMs) };
  }

  /** Every ref as git left it. */
  refs(): ReadonlyMap<string, ObjectId> {
    const directory = DirHandle.open(this.path);
    try {
      return new Refs(directory, this.#format).list("refs/");
    } finally {
      directory.close();
    }
  }

  get head(): string {
    return readFileSync(join(this.path, "HEAD"), "latin1");
  }

  /** Names below `objects` that git wrote: loose objects as `xx/rest`, packs as their base name. */
  newObjects(): { readonly loose: readonly string[]; readonly packs: readonly string[] } {
    const objects = join(this.path, "objects");
    const fans = readdirSync(objects).filter((name) => /^[0-9a-f]{2}$/.test(name));
    const loose = fans.flatMap((fan) => readdirSync(join(objects, fan)).map((rest) => `${fan}/${rest}`));
    const packs = readdirSync(join(objects, "pack")).filter((name) => name.endsWith(".idx"));
    return { loose, packs: packs.map((name) => name.slice(0, -".idx".length)) };
  }

  /** @throws CodedError `git_write_back_failed` when the workspace's index or HEAD changed since the view was made */
  refuseChanged(): void {
    const head = readPlain(this.#workspace.gitDir, "HEAD", MAX_HEAD_BYTES)?.toString("latin1") ?? "";
    const changed =
      head !== this.headBefore
        ? "HEAD"
        : stampOf(this.#workspace.gitDir.stats("index")) !== this.#indexBefore
          ? "the index"
          : undefined;
    if (changed !== undefined)
      throw new CodedError("git_write_back_failed", `${changed} of the workspace was changed meanwhile`, {
        hint: "Nothing was written; call again when nobody else works on it.",
      });
  }

  async #copyIndex(): Promise<void> {
    const { gitDir } = this.#workspace;
    let left = MAX_INDEX_BYTES;
    for (const name of ["index", ...[...gitDir.names()].filter((one) => SHARED_INDEX.test(one))])
      left -= await copyIn(gitDir, name, join(this.path, name), left);
    this.#copied = stampOf(statSync(this.#index, { bigint: true, throwIfNoEntry: false }));
  }

  #copyInfo(directory: DirHandle, name: string): void {
    if (directory.stats("info")?.isDirectory() !== true) return;
    const info = directory.sub("info");
    try {
      const bytes = readPlain(info, name, MAX_INFO_BYTES);
      if (bytes !== undefined) writeFileSync(join(this.path, "info", name), bytes);
    } finally {
      info.close();
    }
  }
}
