import { CodedError } from "../../wire/errors.ts";
import { resolveCommand, type Command } from "../exec/command.ts";
import type { Operation } from "../project/types.ts";

/** The program that is started, and its arguments: the operation's own, or another one that runs it. */
export interface Invocation {
  readonly command: Command;
  readonly args: readonly string[];
}

const RTK = "rtk";

/** What a caller is told of output that another program shortened. */
export function shortenedBy(program: string): string {
  return `The output was shortened by ${program} on the host, before anything was kept of it.`;
}

/**
 * A program that is nice to have; undefined where the host has none.
 * @throws CodedError `command_untrusted`
 */
export function resolveOptional(name: string, path: string, workspaces: readonly string[]): Command | undefined {
  try {
    return resolveCommand(name, path, workspaces);
  } catch (error) {
    if (error instanceof CodedError && error.code === "command_not_found") return undefined;
    throw error;
  }
}

/** The operation's command run through rtk; undefined when it asks for none, or the host has none. */
export function throughRtk(
  { rtk, command }: Operation,
  args: readonly string[],
  path: string,
  workspaces: readonly string[],
): Invocation | undefined {
  const program = rtk ? resolveOptional(RTK, path, workspaces) : undefined;
  return program === undefined ? undefined : { command: program, args: [command, ...args] };
}
