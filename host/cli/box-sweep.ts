import { CodedError } from "../../wire/errors.ts";
import { TokenStore } from "../auth/token-store.ts";
import { leftovers, removeBox, type Leftover } from "../box/boxes.ts";
import { removeContainer } from "../box/container.ts";
import { askEngine } from "../box/engine.ts";
import { resolveCommand } from "../exec/command.ts";
import type { Context } from "./context.ts";

/** What a token of a box is called. Its hash is written down only a moment after it was made. */
export function tokenLabel(name: string): string {
  return `run ${name}`;
}

/** Ends one: its token first, then its container, and its directory when that is gone. Returns what stays. */
async function end({ box, token, engine }: Leftover, context: Context, workspaces: readonly string[]) {
  const { environment } = context;
  const tokens = new TokenStore(context.base().tokens);
  const named = tokens.list().filter(({ label }) => label === tokenLabel(box.name));
  const hashes = new Set([token, ...named.map(({ hash }) => hash)].filter((hash) => hash !== ""));
  await tokens.revoke([...hashes]);
  if (engine !== "") {
    const program = resolveCommand(engine, environment["PATH"] ?? "", workspaces);
    // podman would first wait for it to end.
    await askEngine(program, ["kill", box.name], environment);
    const why = await removeContainer(program, box.name, environment);
    if (why !== undefined) return [why];
  }
  removeBox(box);
  return [];
}

async function attempt(work: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CodedError) return [error.message];
    throw error;
  }
}

/**
 * Ends what crashed runs left: their tokens, containers and directories.
 * @param workspaces real paths, where no engine is taken from
 * @returns what could not be removed, a sentence each: the next run tries it again
 */
export async function sweepBoxes(context: Context, workspaces: readonly string[]): Promise<readonly string[]> {
  const found = await attempt(async () => {
    const kept: string[] = [];
    // One that cannot be removed does not keep the others.
    for (const leftover of leftovers(context.base().boxes))
      kept.push(...(await attempt(async () => end(leftover, context, workspaces))));
    return kept;
  });
  return found.map((why) => `what an earlier run left could not be removed: ${why}`);
}
