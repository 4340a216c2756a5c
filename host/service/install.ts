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
function taskOf(
  before: string | undefined,
  text: string,
  state: ServiceState,
  program: readonly string[],
): Installed["did"] {
  if (before === undefined) return "installed";
  if (before !== text) return "updated";
  if (state.state !== "active" || !state.enabled) return "restarted";
  const { since } = state;
  return since !== undefined && replacedSince(program, since) !== undefined ? "restarted" : "nothing";
}

/**
 * Waits until the service answers: a service manager calls a service started that ends the next moment.
 * @param isReady whether it answers
 * @throws CodedError `service_failed`
 */
export async function started<R>(platform: ServicePlatform<R>, isReady: () => Promise<boolean>): Promise<ServiceState> {
  for (let polls = 0; polls < MAX_POLLS; polls++) {
    if (await isReady()) return platform.state();
    const state = await platform.state();
    if (state.state === "failed") break;
    await sleep(POLL_MS);
  }
  throw new CodedError("service_failed", "the service was started, but the daemon does not answer", {
    hint: platform.help,
  });
}

/**
 * Writes the definition and starts the service with it; one that runs with exactly this is left alone. Whatever is in the base directory stays.
 * @param lockSocket of the base directory that it will serve
 * @param isReady whether it has started; without it, when somebody listens on that socket
 * @throws CodedError `service_unavailable`, `service_failed`, `daemon_already_running`, `file_failed`
 */
export async function install<R extends Pick<Recipe, "program">>(
  platform: ServicePlatform<R>,
  recipe: R,
  lockSocket: string,
  isReady: () => Promise<boolean> = async () => answers(lockSocket),
): Promise<Installed> {
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
  const did = taskOf(before, text, state, recipe.program);
  if (did === "nothing") return { did, keptAs: undefined, state };
  const isForeign = before !== undefined && platform.read(before).version === undefined;
  const keptAs = isForeign ? `${platform.file}.old` : undefined;
  if (keptAs !== undefined) writeDefinition(keptAs, before ?? "", platform.mode);
  if (before !== text) writeDefinition(platform.file, text, platform.mode);
  await platform.apply();
  return { did, keptAs, state: await started(platform, isReady) };
}

/**
 * Stops the service and removes its definition; nothing else. Returns false when there is none.
 * @throws CodedError `service_unavailable`, `service_failed`, `file_failed`
 */
export async function uninstall<R>(platform: ServicePlatform<R>): Promise<boolean> {
  if (readDefinition(platform.file) === undefined) return false;
  await platform.requireManager();
  await platform.withdraw();
  removeDefinition(platform.file);
  await platform.forget();
  return true;
}
