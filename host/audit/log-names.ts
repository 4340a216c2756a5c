import { closeSync, constants, fsyncSync, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const DIGITS = 12;
const NAME = /^audit-(\d{12,15})\.jsonl$/;

/** A file of the log. */
export interface LogName {
  readonly name: string;
  readonly path: string;
  /** The number of its first record. */
  readonly first: number;
}

export function logName(directory: string, first: number): LogName {
  const name = `audit-${String(first).padStart(DIGITS, "0")}.jsonl`;
  return { name, path: join(directory, name), first };
}

/** The files of the log in the order of their records. Anything else there is no part of it. Throws system errors. */
export function listLog(directory: string): readonly LogName[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const [, digits] = NAME.exec(name) ?? [];
      return digits === undefined ? [] : [{ name, path: join(directory, name), first: Number(digits) }];
    })
    .sort((a, b) => a.first - b.first);
}

/** Undefined for a file that is gone by now. */
export function sizeOf({ path }: LogName): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Waits until the names in a directory are on the disk. Throws system errors. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
