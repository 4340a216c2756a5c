import { constants } from "node:fs";
import { mkdir, open, rename, rmdir, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import { OPEN_FILE } from "../util/regular-file.ts";

const SESSION_KEY = /^[0-9a-f]{64}$/;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const REPLACE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** The directory of a session may come and go while others are removed from it. */
const ATTEMPTS = 100;

/** True for a session's key: 64 lower case hex digits. */
export function isSessionKey(text: string): boolean {
  return SESSION_KEY.test(text);
}

/** True for the id of a run: a UUID in lower case. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

export const ENDINGS = { stdout: ".out", stderr: ".err", about: ".json", unfinished: ".json.new" } as const;

/** Where a run lies on the disk: `ROOT/SESSION/RUN.json`, `.out` and `.err`. Directories 0700, files 0600; links are not followed. */
export class RunFiles {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  directory(session: string): string {
    if (!isSessionKey(session)) throw new RangeError("session must be 64 hex digits");
    return join(this.root, session);
  }

  path(session: string, id: string, ending: keyof typeof ENDINGS): string {
    if (!isRunId(id)) throw new RangeError("id must be a UUID");
    return join(this.directory(session), `${id}${ENDINGS[ending]}`);
  }

  /** Makes the file of a stream, which must not exist; the directories where they are missing. */
  async create(session: string, id: string, stream: StreamName): Promise<FileHandle> {
    return this.#made(session, this.path(session, id, stream), CREATE);
  }

  /** Writes what is known of a run, whole or not at all. Not flushed to the device: what is lost with the machine is lost with its output. */
  async writeAbout(session: string, id: string, text: string): Promise<void> {
    const temporary = this.path(session, id, "unfinished");
    const file = await this.#made(session, temporary, REPLACE);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(temporary, this.path(session, id, "about"));
  }

  /** Removes everything of a run, and its session's directory when it was the last. */
  async remove(session: string, id: string): Promise<void> {
    for (const ending of ["stdout", "stderr", "unfinished", "about"] as const)
      await removed(this.path(session, id, ending));
    await rmdir(this.directory(session)).catch(() => undefined); // not empty, or gone already
  }

  async removeStream(session: string, id: string, stream: StreamName): Promise<void> {
    await removed(this.path(session, id, stream));
  }

  async #made(session: string, path: string, flags: number): Promise<FileHandle> {
    // The directory may be removed beside us, when what was its last run goes.
    for (let attempt = 0; ; attempt++) {
      try {
        return await open(path, flags, 0o600);
      } catch (error) {
        if (errnoOf(error) !== "ENOENT" || attempt >= ATTEMPTS) throw error;
      }
      await this.#makeDirectory(this.directory(session));
    }
  }

  /** `mkdir` that makes the way there as well fails when the last directory is there at first and is removed beside it. */
  async #makeDirectory(path: string): Promise<void> {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EEXIST") return;
      if (errno !== "ENOENT") throw error;
      await mkdir(this.root, { recursive: true, mode: 0o700 });
    }
  }
}

/** Removes a file, if it is there. `rm` would first look at it on the thread that serves everybody. */
async function removed(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Opens a regular file for reading; throws for a link or anything else. */
export async function openForReading(path: string): Promise<FileHandle> {
  const file = await open(path, OPEN_FILE);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error("not a regular file");
}
