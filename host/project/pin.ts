import { rmSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { equalInConstantTime, sha256Hex } from "../util/hash.ts";
import { withLock } from "../util/lock.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { writeAtomic } from "../util/write-atomic.ts";

const MAX_HASH_FILE = 1_024;
export const MAX_CONFIG_BYTES = 1_048_576;

/** The files of one project. */
export interface ProjectFiles {
  readonly directory: string;
  readonly config: string;
  /** Hash of the approved bytes: hex and a line end, the original's form. */
  readonly pin: string;
  /** The approved bytes themselves, so that a difference can be shown. Only believed when its hash is the pin. */
  readonly snapshot: string;
  /** What the configuration must allow, ask and deny; the owner's, and no part of the approval. */
  readonly cases: string;
}

export function projectFiles(projects: string, id: string): ProjectFiles {
  // Plain text instead of path.join, which is slow: this is asked for every request.
  const directory = `${projects}/${id}`;
  return {
    directory,
    config: `${directory}/config.json`,
    pin: `${directory}/allowed.sha256`,
    snapshot: `${directory}/allowed.json`,
    cases: `${directory}/cases.json`,
  };
}

/** The approved hash, or undefined when nothing is approved. White space around it is ignored; upper case does not match. */
export function readPin(files: ProjectFiles): string | undefined {
  try {
    return readTrusted(files.pin, MAX_HASH_FILE)?.bytes.toString("utf8").trim();
  } catch (error) {
    if (error instanceof CodedError && error.code === "file_failed") {
      throw new CodedError("config_not_allowed", `failed to check config allowance: ${error.message}`, {
        cause: error,
      });
    }
    throw error;
  }
}

export function isPinned(pin: string | undefined, configHash: string): boolean {
  return pin !== undefined && equalInConstantTime(pin, configHash);
}

/** The bytes that were approved, or undefined when they were not kept (by the original, or by an interrupted approval). */
export function readSnapshot(files: ProjectFiles): Buffer | undefined {
  const pin = readPin(files);
  const bytes = readTrusted(files.snapshot, MAX_CONFIG_BYTES)?.bytes;
  return bytes !== undefined && isPinned(pin, sha256Hex(bytes)) ? bytes : undefined;
}

/** Approves these bytes. The snapshot is written first: a pin without its snapshot is merely less informative. */
export async function writePin(files: ProjectFiles, bytes: Buffer): Promise<string> {
  const hash = sha256Hex(bytes);
  await withLock(files.directory, () => {
    writeAtomic(files.snapshot, bytes);
    writeAtomic(files.pin, `${hash}\n`);
  });
  return hash;
}

/** Takes an approval back. */
export async function removePin(files: ProjectFiles): Promise<void> {
  await withLock(files.directory, () => {
    rmSync(files.pin, { force: true });
    rmSync(files.snapshot, { force: true });
  });
}
