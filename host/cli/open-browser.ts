import { pathToFileURL } from "node:url";
import { CodedError } from "../../wire/errors.ts";
import { resolveCommand } from "../exec/command.ts";
import { startAlone } from "../exec/left-alone.ts";
import type { Context } from "./context.ts";
import { allWorkspaces } from "../project/workspaces.ts";

/** Without one of these there is no screen on Linux that a browser could open on. */
const SCREENS = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"];

function openerOf({ system, environment }: Context): string | undefined {
  if (system === "darwin") return "open";
  return SCREENS.some((name) => (environment[name] ?? "") !== "") ? "xdg-open" : undefined;
}

/**
 * Opens the file that leads to the page in the owner's browser. The address itself is never in a command line, which other users of this machine can read.
 * @returns false when nothing could be opened
 */
export async function openBrowser(file: string | undefined, context: Context): Promise<boolean> {
  const opener = openerOf(context);
  if (opener === undefined || file === undefined) return false;
  try {
    const { environment } = context;
    const command = resolveCommand(opener, environment["PATH"] ?? "", allWorkspaces(context.base().projects));
    return await startAlone(command, [pathToFileURL(file).href], environment);
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}
