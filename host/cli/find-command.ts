import { resolveCommand } from "../exec/command.ts";
import type { FindCommand } from "../project/lint.ts";
import { cleanPath } from "../sanitize/environment.ts";

/**
 * Finds programs as the daemon does, with the PATH of this process. The path is the one that would be configured: links in it stay, so that an update
 * of the program does not change it.
 */
export function commandFinder(environment: NodeJS.ProcessEnv): FindCommand {
  return (command, workspaces) =>
    resolveCommand(command, cleanPath(environment["PATH"] ?? "", workspaces), workspaces).argv0;
}
