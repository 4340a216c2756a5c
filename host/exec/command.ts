import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { distrustOf } from "../util/read-trusted.ts";

/** A program that was found and may be run. */
export interface Command {
  /** Real path, without links. */
  readonly file: string;
  /** What the program sees as its own name: the configured path, so that programs with several names work. */
  readonly argv0: string;
}

function notFound(command: string, why = `command not found: ${printable(command)}`): CodedError {
  return new CodedError("command_not_found", why);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function locate(command: string, path: string): string {
  if (command === "") throw notFound(command, "command not found: the operation names none");
  if (command.includes("..")) throw notFound(command, `command path contains '..': ${printable(command)}`);
  if (command.startsWith("-")) throw notFound(command, `command begins with '-': ${printable(command)}`);
  const candidates = command.includes("/")
    ? [resolve(command)]
    : path
        .split(delimiter)
        .filter(isAbsolute)
        .map((directory) => join(directory, command));
  const found = candidates.find(isExecutable);
  if (found === undefined) throw notFound(command);
  return found;
}

function untrusted(path: string, why: string): CodedError {
  return new CodedError("command_untrusted", `command ${printable(path)} ${why}`);
}

/** A directory where others may create or rename entries lets them replace the program, unless its sticky bit keeps them from ours. */
function checkDirectory(path: string): void {
  const stats = statSync(dirname(path), { bigint: true });
  const sticky = (stats.mode & 0o1000n) !== 0n;
  if (!sticky && (stats.mode & 0o002n) !== 0n)
    throw untrusted(path, `lies in ${printable(dirname(path))}, where everybody can replace it`);
}

/**
 * Finds the program of an operation: an absolute path, or a name on the daemon's cleaned PATH. It is refused when it lies inside a workspace, which the
 * container writes, or when other users can change it.
 * @param workspaces real paths
 * @throws CodedError `command_not_found`, `command_untrusted`
 */
export function resolveCommand(command: string, path: string, workspaces: readonly string[]): Command {
  const found = locate(command, path);
  const file = realpathSync.native(found);
  const inside = workspaces.find((workspace) => [found, file].some((one) => one.startsWith(`${workspace}/`)));
  if (inside !== undefined)
    throw untrusted(found, `lies inside the workspace ${printable(inside)}, which the container can write`);
  const distrust = distrustOf(statSync(file, { bigint: true }));
  if (distrust !== undefined) throw untrusted(file, distrust);
  checkDirectory(file);
  return { file, argv0: isAbsolute(command) ? command : found };
}
