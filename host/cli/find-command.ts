import { resolveCommand } from "../exec/command.ts";
import type { FindCommand } from "../project/lint.ts";
import { cleanPath } from "../sanitize/environment.ts";
import { MACHINE_PATH } from "../sanitize/machine.ts";

/**
 * Finds programs as the daemon does, with the PATH of this process. The path is the one that would be configured: links in it stay, so that an update
 * of the program does not change it.
 */
export function commandFinder(environment: NodeJS.ProcessEnv): FindCommand {
  const daemonPath = environment["PATH"] ?? "";
  return (command, workspaces, machine) => {
    const path = machine === undefined ? cleanPath(daemonPath, workspaces) : (machine.path ?? MACHINE_PATH);
    return resolveCommand(command, path, workspaces).argv0;
  };
}
