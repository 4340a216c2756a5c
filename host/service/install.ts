import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { answers } from "./answer.ts";
import { readDefinition, removeDefinition, writeDefinition } from "./definition-file.ts";
import type { Recipe, ServicePlatform, ServiceState } from "./platform.ts";
import { replacedSince } from "./replaced.ts";

const POLL_MS = 100;
/** How long a daemon may take from its start until it answers. */
const MAX_POLLS = 150;

/** What an installation did. */
export interface Installed {
  readonly did: "installed" | "updated" | "restarted" | "nothing";
  /** Where a definition that was not ours is now. */
  readonly keptAs: string | undefined;
  readonly state: ServiceState;
}

/** What is to be done with what is there. */
function taskOf(before: string | undefined, text: string, state: ServiceState, recipe: Recipe): Installed["did"] {
  if (before === undefined) return "installed";
  if (before !== text) return "updated";
  if (state.state !== "active" || !state.enabled) return "restarted";
  const { since } = state;
  return since !== undefined && replacedSince(recipe.program, since) !== undefined ? "restarted" : "nothing";
}

/**
 * Waits until the daemon answers: a service manager calls a service started that ends the next moment.
 * @throws CodedError `service_failed`
 */
export async function started(platform: ServicePlatform, lockSocket: string): Promise<ServiceState> {
  for (let polls = 0; polls < MAX_POLLS; polls++) {
    if (await answers(lockSocket)) return platform.state();
    const state = await platform.state();
    if (state.state === "failed") break;
    await sleep(POLL_MS);
  }
  throw new CodedError("service_failed", "the service was started, but the daemon does not answer", {
    hint: "See cmd2host service logs; then cmd2host service restart.",
  });
}

/**
 * Writes the definition and starts the service with it; one that runs with exactly this is left alone. Whatever is in the base directory stays.
 * @param lockSocket of the base directory that it will serve
 * @throws CodedError `service_unavailable`, `service_failed`, `daemon_already_running`, `file_failed`
 */
export async function install(platform: ServicePlatform, recipe: Recipe, lockSocket: string): Promise<Installed> {
  const text = platform.definition(recipe);
  await platform.requireManager();
  const before = readDefinition(platform.file);
  const state = await platform.state();
  // One that is about to start or to end is no stranger: its daemon answers until it has drained.
  const isAtRest = state.state === "inactive" || state.state === "failed";
  if (isAtRest && (await answers(lockSocket)))
    throw new CodedError("daemon_already_running", `a daemon that is no service answers at ${printable(lockSocket)}`, {
      hint: "End it where it was started, then install the service.",
    });
  const did = taskOf(before, text, state, recipe);
  if (did === "nothing") return { did, keptAs: undefined, state };
  const isForeign = before !== undefined && platform.read(before).version === undefined;
  const keptAs = isForeign ? `${platform.file}.old` : undefined;
  if (keptAs !== undefined) writeDefinition(keptAs, before ?? "");
  if (before !== text) writeDefinition(platform.file, text);
  await platform.apply();
  return { did, keptAs, state: await started(platform, lockSocket) };
}

/**
 * Stops the service and removes its definition; nothing else. Returns false when there is none.
 * @throws CodedError `service_unavailable`, `service_failed`, `file_failed`
 */
export async function uninstall(platform: ServicePlatform): Promise<boolean> {
  if (readDefinition(platform.file) === undefined) return false;
  await platform.requireManager();
  await platform.withdraw();
  removeDefinition(platform.file);
  await platform.forget();
  return true;
}
