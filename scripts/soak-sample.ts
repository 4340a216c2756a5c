import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonClient } from "../wire/client.ts";
import { LINGER_MS } from "../wire/limits.ts";
import type { BenchDaemon } from "./bench-daemon.ts";

/** What a daemon holds when nothing goes on. Looked at from outside, through /proc and the disk. */
export interface Sample {
  /** What its descriptors are, sorted. */
  readonly descriptors: readonly string[];
  /** Its children, and everything that works in the checkout. */
  readonly processes: readonly string[];
  /** Under the base directory, without the outputs of runs. */
  readonly files: readonly string[];
  /** Files of runs that the daemon does not know. */
  readonly orphans: readonly string[];
  /** Runs that go on. */
  readonly running: readonly string[];
  readonly keptRuns: number;
  /** Of the outputs that are kept, in bytes. */
  readonly keptBytes: number;
  readonly rssMb: number;
}

/** The parts of a directory, or nothing when it is gone meanwhile. */
function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Numbers of sockets and pipes are left out: they are others every time. */
function descriptorsOf(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  return names(directory)
    .map((name) => link(join(directory, name)).replace(/:\[\d+\]$/, ""))
    .sort();
}

function processesOf(daemon: BenchDaemon): readonly string[] {
  return names("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === daemon.pid) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const inRepo = link(`/proc/${pid}/cwd`).startsWith(daemon.repo);
      return parent === daemon.pid || inRepo ? [stat.slice(0, stat.lastIndexOf(")") + 3)] : [];
    } catch {
      return []; // gone meanwhile
    }
  });
}

async function look(daemon: BenchDaemon, client: DaemonClient): Promise<Sample> {
  const runs = join(daemon.base, "runs");
  const all = filesUnder(daemon.base).filter((path) => !path.startsWith(`${daemon.repo}/`));
  const stored = all.filter((path) => path.startsWith(`${runs}/`));
  const { runs: listed } = await client.runs();
  const known = new Set((listed ?? []).map((run) => run.run_id));
  const sizes = stored.map((path) =>
    path.endsWith(".json") ? 0 : (lstatSync(path, { throwIfNoEntry: false })?.size ?? 0),
  );
  return {
    descriptors: descriptorsOf(daemon.pid),
    processes: processesOf(daemon),
    files: all.filter((path) => !path.startsWith(`${runs}/`)).map((path) => relative(daemon.base, path)),
    orphans: stored
      .map((path) => relative(runs, path))
      .filter((path) => !known.has(path.split("/")[1]?.slice(0, 36) ?? "")),
    running: (listed ?? []).filter(({ state }) => state === "running").map((run) => `${run.operation} ${run.run_id}`),
    keptRuns: known.size,
    keptBytes: sizes.reduce((sum, size) => sum + size, 0),
    rssMb: daemon.memory(),
  };
}

/** What is in `now` more often than in `before`. */
function added(now: readonly string[], before: readonly string[]): readonly string[] {
  const left = [...before];
  return now.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

export interface Bounds {
  readonly keptBytes: number;
  readonly growthMb: number;
}

/** One line for everything that a sample has and should not have. */
export function leaks(now: Sample, rest: Sample, bounds: Bounds): readonly string[] {
  const found: string[] = [];
  const tell = (what: string, more: readonly string[]): void => {
    if (more.length > 0) found.push(`${more.length} ${what}: ${more.slice(0, 10).join(", ")}`);
  };
  tell("more descriptors than at rest", added(now.descriptors, rest.descriptors));
  tell("processes that are left", now.processes);
  tell("more files than at rest", added(now.files, rest.files));
  tell("files of runs that are not known", now.orphans);
  tell("runs that still go on", now.running);
  if (now.keptBytes > bounds.keptBytes)
    found.push(`outputs take ${now.keptBytes} bytes, more than ${bounds.keptBytes}`);
  const growth = now.rssMb - rest.rssMb;
  if (growth > bounds.growthMb) found.push(`memory grew by ${growth.toFixed(1)} MB, more than ${bounds.growthMb}`);
  return found;
}

/** How long what was ended may take to be gone. */
const SETTLE_MS = 15_000;
const POLL_MS = 100;

/**
 * A sample once nothing goes on any more.
 * @param rest what there is at rest, if that is known; waits longer while there is more
 */
export async function sampleAtRest(
  daemon: BenchDaemon,
  client: DaemonClient,
  rest: Sample | undefined,
): Promise<Sample> {
  // Connections that clients have not closed are closed in the end, but not at once.
  if (rest === undefined) await sleep(LINGER_MS + 1_000);
  const deadline = Date.now() + SETTLE_MS;
  const generous: Bounds = { keptBytes: Number.POSITIVE_INFINITY, growthMb: Number.POSITIVE_INFINITY };
  for (;;) {
    const [before, now] = [await look(daemon, client), await pause(daemon, client)];
    const isStill =
      added(before.descriptors, now.descriptors).length === 0 && leaks(now, rest ?? before, generous).length === 0;
    if (isStill || Date.now() > deadline) return now;
  }
}

async function pause(daemon: BenchDaemon, client: DaemonClient): Promise<Sample> {
  await sleep(POLL_MS);
  return look(daemon, client);
}
