import { closeSync, constants, fstatSync, openSync, readSync, statSync, type BigIntStats } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

/** What tells one state of a file from another without reading it. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly uid: bigint;
  readonly mode: bigint;
}

export interface TrustedFile {
  readonly bytes: Buffer;
  readonly identity: FileIdentity;
}

/** Kernel time stamps are this coarse at worst; a file changed more recently may change again without showing it. */
const SETTLED_AFTER_MS = 50;

function identityFrom(stats: BigIntStats): FileIdentity {
  const { dev, ino, size, mtimeNs, ctimeNs, uid, mode } = stats;
  return { dev, ino, size, mtimeNs, ctimeNs, uid, mode };
}

/** Identity of the file that `path` leads to now, or undefined when there is none. */
export function identityOf(path: string): FileIdentity | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : identityFrom(stats);
  } catch {
    return undefined; // a directory on the way that is none, or closed to us: reading it says so in words
  }
}

export function sameIdentity(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.ino === b.ino &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.size === b.size &&
    a.dev === b.dev &&
    a.uid === b.uid &&
    a.mode === b.mode
  );
}

/** True when the file had been left alone long enough before `readAtMs` that a later change must show in its identity. */
export function isSettled(identity: FileIdentity | undefined, readAtMs: number): boolean {
  if (identity === undefined) return true;
  const changedMs = Number((identity.ctimeNs > identity.mtimeNs ? identity.ctimeNs : identity.mtimeNs) / 1_000_000n);
  return changedMs + SETTLED_AFTER_MS < readAtMs;
}

/** Why others could change what `stats` describes, or undefined when only its owner (us or root) can. */
export function distrustOf(stats: { readonly uid: bigint; readonly mode: bigint }): string | undefined {
  const self = process.geteuid?.();
  if (self !== undefined && stats.uid !== 0n && stats.uid !== BigInt(self)) return `belongs to user ${stats.uid}`;
  if ((stats.mode & 0o022n) !== 0n) return `can be written by others (mode ${(stats.mode & 0o7777n).toString(8)})`;
  return undefined;
}

function readAll(descriptor: number, size: number, path: string, maxBytes: number): Buffer {
  if (size > maxBytes) throw new CodedError("file_failed", `${printable(path)}: larger than ${maxBytes} bytes`);
  // One byte more than it says, so that a file that grows meanwhile is noticed.
  const buffer = Buffer.alloc(size + 1);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > size) throw new CodedError("file_failed", `${printable(path)}: changed while it was read`);
  }
}

/**
 * Reads a file of the host's owner: opened once, then owner, mode and kind are checked on that handle, then read from it, so that what was
 * checked is what is read. Returns undefined when there is no such file.
 * @param maxBytes larger files are refused
 * @throws CodedError `config_untrusted` when somebody else owns it or can write it; `file_failed` for everything else
 */
export function readTrusted(path: string, maxBytes: number): TrustedFile | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new CodedError("file_failed", `${printable(path)}: ${errnoOf(error) ?? "cannot be opened"}`, {
      cause: error,
    });
  }
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) throw new CodedError("file_failed", `${printable(path)}: is not a regular file`);
    const distrust = distrustOf(stats);
    if (distrust !== undefined) {
      throw new CodedError("config_untrusted", `${printable(path)}: ${distrust}`, {
        hint: `On the host: chmod go-w ${printable(path)}`,
      });
    }
    return { bytes: readAll(descriptor, Number(stats.size), path, maxBytes), identity: identityFrom(stats) };
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("file_failed", `${printable(path)}: ${errnoOf(error) ?? "cannot be read"}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}
