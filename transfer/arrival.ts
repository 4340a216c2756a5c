import { createHash } from "node:crypto";
import { fchmodSync, fsync, closeSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";
import { errnoOf } from "../wire/errors.ts";
import type { Digest } from "./digest.ts";
import { setTime, type Directory } from "./directory.ts";
import { DATA, invalid } from "./format.ts";
import type { Incoming } from "./incoming.ts";
import { joined, shown } from "./names.ts";
import { failed } from "./refusal.ts";

const writeChunk = promisify(write);
const syncFile = promisify(fsync);

/** Smaller pieces, which are all that a pipe gives, are written at once: another thread would take longer to be asked. */
const LARGE_BYTES = 262_144;
/** Files that wait for the disk at the same time. */
const MAX_SYNCING = 16;

/** What a directory is to become when everything is in it. */
interface Later {
  readonly mode: number;
  readonly mtimeNs: bigint;
}

interface OpenLevel {
  readonly path: string;
  readonly directory: Directory;
}

export interface ArrivalOptions {
  readonly digest: Digest;
  /** The mode that something gets. */
  readonly modeOf: (incoming: Incoming) => number;
  /** Waits until files are on the disk before they are put in place. */
  readonly durable: boolean;
  /** Called with the size of every piece. */
  readonly received: (bytes: number) => void;
}

/**
 * What has arrived, in a stage: written by open directories into what nobody else can reach. All methods throw `file_failed`, and `transfer_invalid` for
 * entries that come twice or before their directory.
 */
export class Arrival {
  readonly #stage: Directory;
  readonly #options: ArrivalOptions;
  readonly #later = new Map<string, Later>();
  readonly #files: string[] = [];
  readonly #syncing = new Set<Promise<void>>();
  /** The directory of the last entry, and those above it. */
  #levels: OpenLevel[] = [];
  #syncFailure: unknown;

  constructor(stage: Directory, options: ArrivalOptions) {
    this.#stage = stage;
    this.#options = options;
  }

  /** Paths of the files, in their order. */
  get files(): readonly string[] {
    return this.#files;
  }

  async add(incoming: Incoming): Promise<void> {
    const { path } = incoming;
    try {
      const [parent, name] = this.#placeOf(path);
      if (incoming.kind === "file") await this.#file(parent, name, incoming);
      else if (incoming.kind === "link") this.#link(parent, name, incoming);
      else this.#directory(parent, name, incoming);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") throw invalid(`the entry ${shown(path)} comes twice`, error);
      throw failed(error, shown(path));
    }
  }

  /** Waits until all files are on the disk, where that is wanted. */
  async settled(): Promise<void> {
    await this.quiet();
    this.#throwIfSyncFailed();
  }

  /** Waits until nothing is written any more, and closes what is open. Never throws. */
  async quiet(): Promise<void> {
    await Promise.all(this.#syncing);
    this.close();
  }

  /**
   * Gives the directories their modes and times, those inside of others first.
   * @param except paths of those that are still written to, or moved
   */
  finish(except: ReadonlySet<string>): void {
    this.close();
    for (const [path, later] of [...this.#later].reverse()) {
      if (except.has(path)) continue;
      try {
        this.finishOne(this.#open(path), later);
      } catch (error) {
        throw failed(error, shown(path));
      }
    }
    this.close();
  }

  /** What a directory is to become; it has to be one that came. */
  later(path: string): Later {
    const later = this.#later.get(path);
    if (later === undefined) throw new RangeError(`no directory ${shown(path)} came`);
    return later;
  }

  /** Gives an open directory its mode and time. */
  finishOne(directory: Directory, { mode, mtimeNs }: Later): void {
    directory.setTime(mtimeNs);
    directory.setMode(mode);
    if (this.#options.durable) directory.sync();
  }

  /** Closes the directories that are open. */
  close(): void {
    for (const { directory } of this.#levels.splice(0).reverse()) directory.close();
  }

  #placeOf(path: string): readonly [Directory, string] {
    if (path === "") return [this.#stage, DATA];
    const slash = path.lastIndexOf("/");
    const parent = slash === -1 ? "" : path.slice(0, slash);
    if (!this.#later.has(parent)) throw invalid(`the entry ${shown(path)} comes before its directory`);
    return [this.#open(parent), path.slice(slash + 1)];
  }

  /** Opens a directory that came, from the nearest one above it that is open. */
  #open(path: string): Directory {
    const isAbove = (level: OpenLevel): boolean =>
      level.path === "" || level.path === path || path.startsWith(`${level.path}/`);
    let level = this.#levels.at(-1);
    while (level !== undefined && !isAbove(level)) {
      this.#levels.pop();
      level.directory.close();
      level = this.#levels.at(-1);
    }
    level ??= this.#enter({ path: "", directory: this.#stage }, DATA, "");
    const rest = level.path === "" ? path : path.slice(level.path.length + 1);
    for (const name of rest === "" ? [] : rest.split("/")) level = this.#enter(level, name, joined(level.path, name));
    return level.directory;
  }

  #enter(outer: OpenLevel, name: string, path: string): OpenLevel {
    const level = { path, directory: outer.directory.sub(name) };
    this.#levels.push(level);
    return level;
  }

  #directory(parent: Directory, name: string, incoming: Incoming): void {
    parent.make(name).close();
    const { path, mtimeNs } = incoming;
    this.#later.set(path, { mode: this.#options.modeOf(incoming), mtimeNs });
    this.#options.digest.directory(incoming);
  }

  #link(parent: Directory, name: string, incoming: Incoming): void {
    parent.makeLink(name, incoming.target, incoming.mtimeNs);
    this.#options.digest.link(incoming, incoming.target);
  }

  async #file(parent: Directory, name: string, incoming: Incoming): Promise<void> {
    const hash = createHash("sha256");
    const fd = parent.createFile(name);
    let isOpen = true;
    try {
      for await (const piece of incoming.content) {
        hash.update(piece);
        await writeAll(fd, piece);
        this.#options.received(piece.length);
      }
      fchmodSync(fd, this.#options.modeOf(incoming));
      setTime(fd, incoming.mtimeNs);
      if (this.#options.durable) {
        isOpen = false;
        await this.#sync(fd, incoming.path);
      }
    } finally {
      if (isOpen) closeSync(fd);
    }
    this.#files.push(incoming.path);
    this.#options.digest.file(incoming, hash.digest());
  }

  /** Has a file written to the disk, and closes it then; waits only when many are waiting. */
  async #sync(fd: number, path: string): Promise<void> {
    const synced = syncFile(fd)
      .catch((error: unknown) => {
        this.#syncFailure ??= failed(error, shown(path));
      })
      .then(() => {
        closeSync(fd);
        this.#syncing.delete(synced);
      });
    this.#syncing.add(synced);
    if (this.#syncing.size >= MAX_SYNCING) await Promise.race(this.#syncing);
    this.#throwIfSyncFailed();
  }

  #throwIfSyncFailed(): void {
    if (this.#syncFailure !== undefined) throw this.#syncFailure as Error;
  }
}

async function writeAll(fd: number, piece: Buffer): Promise<void> {
  for (let at = 0; at < piece.length;) {
    const left = piece.length - at;
    at += left < LARGE_BYTES ? writeSync(fd, piece, at) : (await writeChunk(fd, piece, at, left, null)).bytesWritten;
  }
}
