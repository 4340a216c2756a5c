import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Name of the variable that marks every process of one run, however it detaches itself. */
export const RUN_COOKIE = "CMD2HOST_RUN";

const POLL_MS = 20;
/** How often new processes are looked for after KILL: one that forks while it is being ended is found the next time. */
const KILL_ROUNDS = 10;

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** True while the process group has a member. */
export function groupExists(leader: number): boolean {
  return signal(-leader, 0);
}

/** True when processes that left their group can be found here. */
export function canFindDetached(): boolean {
  return process.platform === "linux";
}

/** Processes that carry the cookie in their environment. On systems without /proc none can be found. */
function marked(cookie: string): readonly number[] {
  if (!canFindDetached()) return [];
  const mark = `${RUN_COOKIE}=${cookie}`;
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name) || Number(name) === process.pid) return [];
    try {
      return readFileSync(`/proc/${name}/environ`).includes(mark) ? [Number(name)] : [];
    } catch {
      return []; // gone meanwhile, or another user's
    }
  });
}

function tellAll(leader: number, cookie: string, name: NodeJS.Signals): number {
  const group = signal(-leader, name);
  const detached = marked(cookie).filter((pid) => signal(pid, name));
  return detached.length + (group ? 1 : 0);
}

/**
 * Ends every process of a run: TERM, a grace, KILL; for its process group, and for processes that left the group but carry the run's cookie.
 * Resolves when none is left that can be found.
 * @param graceMs between TERM and KILL
 */
export async function endTree(leader: number, cookie: string, graceMs: number): Promise<void> {
  if (tellAll(leader, cookie, "SIGTERM") === 0) return;
  const deadline = Date.now() + graceMs;
  while (Date.now() < deadline) {
    await sleep(Math.min(POLL_MS, graceMs));
    if (!groupExists(leader) && marked(cookie).length === 0) return;
  }
  for (let round = 0; round < KILL_ROUNDS; round++) {
    if (tellAll(leader, cookie, "SIGKILL") === 0) return;
    await sleep(POLL_MS);
  }
}
