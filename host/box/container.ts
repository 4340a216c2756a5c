import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { Command } from "../exec/command.ts";
import { askEngine, told } from "./engine.ts";

/** What every container of ours is labelled with; its value is the name. */
export const BOX_LABEL = "cmd2host.box";

/**
 * Removes a container, running or not; one that is not there is well removed. Throws nothing.
 * @returns why it may still be there; undefined when it is gone
 */
export async function removeContainer(
  engine: Command,
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    const removed = await askEngine(engine, ["rm", "--force", name], env);
    if (removed.exitCode === 0) return undefined;
    // Engines differ in whether it is a failure that there is none.
    const filter = `label=${BOX_LABEL}=${name}`;
    const listed = await askEngine(engine, ["ps", "--all", "--quiet", "--filter", filter], env);
    if (listed.exitCode === 0 && listed.stdout.total === 0) return undefined;
    return `${printable(engine.argv0)} does not remove the container ${name}: ${told(removed)}`;
  } catch (error) {
    if (error instanceof CodedError) return error.message;
    throw error;
  }
}
