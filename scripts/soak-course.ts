import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonClient } from "../wire/client.ts";
import { messageOf } from "../wire/errors.ts";
import { BenchDaemon } from "./bench-daemon.ts";
import { soakOnce, soakOperations } from "./soak-kinds.ts";
import { leaks, sampleAtRest, type Sample } from "./soak-sample.ts";

/** Small, so that runs are forgotten and streams are cut all the time. */
const MAX_KEPT_BYTES = 20_000_000;
const MAX_KEPT_OF_RUN = 300_000;
const PARALLEL = 8;
/** Warnings of the daemon that are shown. */
const MAX_TROUBLES = 20;

export interface Course {
  /** The bundle of the daemon. */
  readonly program: string;
  /** An empty directory, which the caller removes. */
  readonly base: string;
  readonly runs: number;
  /** How many of them come before what is there at rest is looked at. */
  readonly warmUp: number;
  readonly sampleEvery: number;
  /** Most that memory may grow after the warm-up, in MB. */
  readonly growthMb: number;
  readonly say: (line: string) => void;
}

function told(done: number, sample: Sample, seconds: number): string {
  const { descriptors, processes, files, keptRuns, keptBytes, rssMb } = sample;
  const kept = `${keptRuns} runs kept with ${(keptBytes / 1e6).toFixed(1)} MB`;
  return `${done} runs, ${seconds.toFixed(0)} s: ${descriptors.length} descriptors, ${processes.length} processes, ${files.length} files, ${kept}, RSS ${rssMb.toFixed(1)} MB`;
}

/** Does the runs from one number to another, several at a time. What does not come out as it should is added to `wrong`. */
async function runThem(
  from: number,
  to: number,
  once: (number: number) => Promise<void>,
  wrong: string[],
): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) {
      try {
        await once(next++);
      } catch (error) {
        wrong.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** Many runs of all kinds against one real daemon. Returns what went wrong or leaked, one line each; nothing when all is well. */
export async function soak(course: Course): Promise<readonly string[]> {
  const daemon = new BenchDaemon(course.program, course.base, process.env["PATH"] ?? "");
  const token = daemon.project("soak", { operations: soakOperations });
  const logFile = join(course.base, "daemon.log");
  const log = openSync(logFile, "a", 0o600);
  const wrong: string[] = [];
  try {
    const runs = { max_bytes: MAX_KEPT_BYTES, max_run_bytes: MAX_KEPT_OF_RUN };
    await daemon.start({ listen_mode: "unix", kill_grace: 100, runs }, log);
    wrong.push(...(await goThrough(daemon, token, course)));
  } catch (error) {
    wrong.push(`broken off: ${messageOf(error)}`);
  } finally {
    const exit = await daemon.stop();
    closeSync(log);
    if (exit !== 0) wrong.push(`the daemon ended with exit code ${exit ?? "none, by a signal"}`);
  }
  return [...wrong, ...troublesIn(logFile)];
}

/** What the daemon itself found worth a warning. */
function troublesIn(logFile: string): readonly string[] {
  const lines = readFileSync(logFile, "utf8").split("\n");
  return lines.filter((line) => /"level":"(?:warn|error|fatal)"/.test(line)).slice(0, MAX_TROUBLES);
}

async function goThrough(daemon: BenchDaemon, token: string, course: Course): Promise<readonly string[]> {
  const { runs, warmUp, sampleEvery, growthMb, say } = course;
  const client = new DaemonClient(daemon.unix, token);
  const bounds = { keptBytes: MAX_KEPT_BYTES, growthMb };
  const started = performance.now();
  const wrong: string[] = [];
  let rest: Sample | undefined;
  for (let done = 0; done < runs;) {
    const to = Math.min(runs, done < warmUp ? warmUp : runs, done + sampleEvery);
    await runThem(done, to, async (number) => soakOnce({ address: daemon.unix, token, number }), wrong);
    done = to;
    const sample = await sampleAtRest(daemon, client, rest);
    say(told(done, sample, (performance.now() - started) / 1_000));
    if (done < warmUp) continue;
    rest ??= sample;
    const found = leaks(sample, rest, { ...bounds, growthMb: done < runs ? Number.POSITIVE_INFINITY : growthMb });
    if (done >= runs) {
      say(`memory since the warm-up: ${(sample.rssMb - rest.rssMb).toFixed(1)} MB`);
      return [...wrong, ...found];
    }
    for (const line of found) say(`  so far: ${line}`);
  }
  return wrong;
}
