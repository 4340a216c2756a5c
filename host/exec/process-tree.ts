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

/** Processes that carry one of the cookies in their environment. On systems without /proc none can be found. */
function marked(cookies: readonly string[]): readonly number[] {
  if (!canFindDetached()) return [];
  const marks = cookies.map((cookie) => `${RUN_COOKIE}=${cookie}`);
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const environment = readFileSync(`/proc/${name}/environ`);
      return marks.some((mark) => environment.includes(mark)) ? [Number(name)] : [];
    } catch {
      return []; // gone meanwhile, or another user's
    }
  });
}

/** Tells processes something, and returns how many there were. */
function tellMarked(cookies: readonly string[], name: NodeJS.Signals): number {
  return marked(cookies).filter((pid) => signal(pid, name)).length;
}

/** What is to be ended. */
interface Processes {
  /** Returns how many there were. */
  readonly tell: (name: NodeJS.Signals) => number;
  readonly isLeft: () => boolean;
}

/** TERM, a grace, KILL. Resolves with how many there were at first, when none is left that can be found. */
async function ended({ tell, isLeft }: Processes, graceMs: number): Promise<number> {
  const count = tell("SIGTERM");
  if (count === 0) return 0;
  const deadline = Date.now() + graceMs;
  while (Date.now() < deadline) {
    await sleep(Math.min(POLL_MS, graceMs));
    if (!isLeft()) return count;
  }
  for (let round = 0; round < KILL_ROUNDS; round++) {
    if (tell("SIGKILL") === 0) break;
    await sleep(POLL_MS);
  }
  return count;
}

/**
 * Ends every process of a run: TERM, a grace, KILL; for its process group, and for processes that left the group but carry the run's cookie.
 * Resolves when none is left that can be found.
 * @param graceMs between TERM and KILL
 */
export async function endTree(leader: number, cookie: string, graceMs: number): Promise<void> {
  const cookies = [cookie];
  await ended(
    {
      tell: (name) => {
        const group = signal(-leader, name);
        return tellMarked(cookies, name) + (group ? 1 : 0);
      },
      isLeft: () => groupExists(leader) || marked(cookies).length > 0,
    },
    graceMs,
  );
}

/**
 * Ends every process that carries one of the cookies, in the same way: those of runs whose groups are not known any more. Resolves with how many there were.
 * @param graceMs between TERM and KILL
 */
export async function endMarked(cookies: readonly string[], graceMs: number): Promise<number> {
  if (cookies.length === 0) return 0;
  return ended({ tell: (name) => tellMarked(cookies, name), isLeft: () => marked(cookies).length > 0 }, graceMs);
}
