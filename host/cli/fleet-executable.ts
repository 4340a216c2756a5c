import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { EMBEDDED } from "../util/embedded.ts";

/** A program that is installed on machines: a single file. */
export interface Executable {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** As `uname -m` says it; undefined for a program that runs on all. */
  readonly machine: string | undefined;
}

/** Numbers of an ELF header. */
const MACHINES: ReadonlyMap<number, string> = new Map([
  [62, "x86_64"],
  [183, "aarch64"],
]);
const HEADER_BYTES = 20;
const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/** What kind of program a file is. @throws CodedError `usage` for one that is none */
function machineOf(file: string): string | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(descriptor);
  }
  if (header.subarray(0, 2).toString("latin1") === "#!") return undefined;
  const machine = header.subarray(0, 4).equals(ELF) ? MACHINES.get(header.readUInt16LE(18)) : undefined;
  if (machine !== undefined) return machine;
  throw new CodedError("usage", `${printable(file)} is no program for Linux on x86_64 or aarch64`, {
    hint: "Name a self-contained executable (cmd2host-linux-x64, cmd2host-linux-arm64) with --executable.",
  });
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/**
 * The program that a command line names, else the running one, when that is a single file.
 * @throws CodedError `usage`, `file_failed`
 */
export async function executableFor(given: string | undefined, cwd: string): Promise<Executable> {
  if (given === undefined && EMBEDDED === undefined)
    throw new CodedError("usage", "this cmd2host is an npm package, which needs Node on the machine", {
      hint: "Name a self-contained executable for the machine: --executable=cmd2host-linux-x64 (docs/executable.md).",
    });
  const file = given === undefined ? process.execPath : resolve(cwd, given);
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw new CodedError("usage", `${printable(file)} is no file`);
    return { file, bytes: stats.size, sha256: await digestOf(file), machine: machineOf(file) };
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("file_failed", `${printable(file)}: ${errnoOf(error) ?? messageOf(error)}`);
  }
}
