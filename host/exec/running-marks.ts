import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of the cookies that mark processes of runs. */
const COOKIE = /^[0-9a-f]{32}$/;
/** What ends by itself so soon is not worth a file. */
const NOTED_AFTER_MS = 200;

/**
 * The runs whose programs go on, on the disk: a file for each, named by the cookie that marks its processes. A daemon that is killed leaves the files, and
 * so the next one knows which processes nobody waits for any more. What a run that had ended left on purpose has no file, and is left alone.
 */
export class RunningMarks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A run has begun. Returns what is to be called when all of it has ended. */
  began(cookie: string): () => void {
    let isNoted = false;
    const timer = setTimeout(() => {
      isNoted = true;
      try {
        writeFileSync(join(this.#directory, cookie), "", { mode: 0o600 });
      } catch {
        // The disk is full, or the directory is gone: it runs all the same.
      }
    }, NOTED_AFTER_MS).unref();
    return () => {
      clearTimeout(timer);
      if (isNoted) this.forget(cookie);
    };
  }

  /** The cookies of the runs that are noted. */
  get noted(): readonly string[] {
    try {
      return readdirSync(this.#directory).filter((name) => COOKIE.test(name));
    } catch {
      return [];
    }
  }

  forget(cookie: string): void {
    try {
      rmSync(join(this.#directory, cookie), { force: true });
    } catch {
      // A file too many is looked at once more, and nobody carries its cookie.
    }
  }
}
