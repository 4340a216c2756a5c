import { randomBytes } from "node:crypto";
import type { Directory } from "./directory.ts";
import { isStageName, shown, STAGE_PREFIX } from "./names.ts";
import { reasonOf } from "./refusal.ts";
import { removeAll } from "./removal.ts";

/** Older ones belong to nobody: a transfer that lives touches its own more often. */
const LEFTOVER_MS = 60 * 60 * 1_000;
const TOUCH_MS = 5 * 60 * 1_000;
/** Most names that are looked at, and most leftovers that are removed, at a time. */
const MAX_LISTED = 20_000;
const MAX_REMOVED = 16;

/**
 * The directory in which things lie until they are put in place: in the directory that they are for, under a name that nobody can guess, closed to
 * others.
 */
export class Stage {
  readonly directory: Directory;
  readonly #parent: Directory;
  readonly #name: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(parent: Directory, name: string, directory: Directory) {
    this.#parent = parent;
    this.#name = name;
    this.directory = directory;
    this.#timer = setInterval(() => {
      directory.touch();
    }, TOUCH_MS);
    this.#timer.unref();
  }

  /** Makes it, and removes what earlier transfers left in the same directory more than an hour ago. Throws system errors. */
  static make(parent: Directory, notice: (text: string) => void): Stage {
    const name = STAGE_PREFIX + randomBytes(16).toString("hex");
    const stage = new Stage(parent, name, parent.make(name));
    // By the file system's own clock.
    stage.#sweep(Number(stage.directory.ownStats().mtimeMs) - LEFTOVER_MS, notice);
    return stage;
  }

  /** Removes it with all that is in it, unless something else was put in its place. Never throws. */
  remove(notice: (text: string) => void): void {
    clearInterval(this.#timer);
    try {
      const [own, now] = [this.directory.ownStats(), this.#parent.stats(this.#name)];
      if (now?.ino === own.ino && now.dev === own.dev) removeAll(this.#parent, this.#name);
    } catch (error) {
      notice(`${shown(this.#name)} could not be removed: ${reasonOf(error) ?? "an unexpected error"}`);
    }
    this.directory.close();
  }

  #sweep(before: number, notice: (text: string) => void): void {
    let listed = 0;
    const old: string[] = [];
    for (const name of this.#parent.names()) {
      listed++;
      if (listed > MAX_LISTED || old.length >= MAX_REMOVED) break;
      if (isStageName(name) && this.#isOurs(name, before)) old.push(name);
    }
    for (const name of old) {
      try {
        removeAll(this.#parent, name);
      } catch (error) {
        notice(`${shown(name)}, left by another transfer, could not be removed: ${reasonOf(error) ?? "?"}`);
      }
    }
  }

  /** Nobody else could have made us remove what is theirs. */
  #isOurs(name: string, before: number): boolean {
    const stats = this.#parent.stats(name);
    const self = process.geteuid?.() ?? -1;
    return stats?.isDirectory() === true && stats.uid === BigInt(self) && Number(stats.mtimeMs) < before;
  }
}
