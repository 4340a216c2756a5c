/**
 * What runs in a fuzzing process: a thread that tries inputs, and this one, which watches that it goes on and that memory
 * does not run out. Bundled with counters by scripts/fuzz.ts, and not to be started by itself.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { chosen } from "../test/fuzz/engine/keep.ts";
import { Fuzzer, type Report } from "../test/fuzz/engine/loop.ts";
import { corpusOf, nameOf } from "../test/fuzz/corpus.ts";
import { TARGETS } from "../test/fuzz/targets/index.ts";

/** What scripts/fuzz.ts hands over, as JSON in the first argument. */
export interface Assignment {
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
  readonly seconds: number;
  readonly tokens: readonly string[];
  /** Where the kept corpus is read, and written with `save`. */
  readonly corpus: string;
  readonly save: boolean;
  /** An empty directory for what the target needs. */
  readonly directory: string;
  /** Where findings are written. */
  readonly findings: string;
}

interface Shared {
  readonly assignment: Assignment;
  /** Number of inputs tried, then the length of the current one. */
  readonly numbers: Int32Array;
  readonly input: Uint8Array;
}

const SLOW_MS = 1_000;
const HANG_MS = 10_000;
const MAX_HEAP_MB = 512;
const MAX_RSS = 1_536 * 1_048_576;
const MAX_FINDINGS = 8;
const KEPT = { files: 30, bytes: 30_000 };

/** Which program found it does not matter to who reads it: the text, then the input to try again. */
function writeFinding({ target, findings }: Assignment, input: Buffer, text: string): void {
  mkdirSync(findings, { recursive: true });
  const path = join(findings, `${target}-${nameOf(input)}`);
  writeFileSync(path, input);
  writeFileSync(`${path}.txt`, `${text}\n`);
  process.stdout.write(
    `FINDING ${target}: ${text.split("\n", 1)[0] ?? ""}\n  input: ${JSON.stringify(input.toString("latin1").slice(0, 600))}\n  file: ${path}\n`,
  );
}

function watch(assignment: Assignment): void {
  const shared: Shared = {
    assignment,
    numbers: new Int32Array(new SharedArrayBuffer(8)),
    input: new Uint8Array(new SharedArrayBuffer(1 << 20)),
  };
  const current = (): Buffer => Buffer.from(shared.input.slice(0, shared.numbers[1]));
  const worker = new Worker(new URL(import.meta.url), {
    workerData: shared,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  const stop = (text: string): void => {
    writeFinding(assignment, current(), text);
    // A thread that waits inside a system call cannot be ended by itself.
    process.kill(process.pid, "SIGKILL");
  };
  let [last, since] = [-1, performance.now()];
  const timer = setInterval(() => {
    if (process.memoryUsage().rss > MAX_RSS) stop(`takes more than ${MAX_RSS} bytes of memory`);
    const now = shared.numbers[0] ?? 0;
    if (now !== last) [last, since] = [now, performance.now()];
    else if (performance.now() - since > HANG_MS) stop(`has no end within ${HANG_MS} ms`);
  }, 200);
  worker.on("message", (exitCode: number) => {
    process.exitCode = exitCode;
  });
  worker.on("error", (error) => {
    writeFinding(assignment, current(), `ended the thread: ${error.stack ?? error.message}`);
    process.exitCode = 1;
  });
  worker.on("exit", () => {
    clearInterval(timer);
  });
}

function show({ target, seed }: Assignment, report: Report): void {
  const rate = Math.round(report.runs / (report.milliseconds / 1_000));
  const { length } = report.findings;
  process.stdout.write(
    `${target}: ${report.runs} inputs, ${rate} a second, ${report.features} features, ${report.corpus.length} kept, ${length} findings (seed ${seed})\n`,
  );
}

async function work({ assignment, numbers, input: place }: Shared): Promise<number> {
  const target = TARGETS.find(({ name }) => name === assignment.target);
  const counters = globalThis.cmd2hostCounters;
  if (target === undefined || counters === undefined) throw new Error("is not started by scripts/fuzz.ts");
  const announce = (input: Buffer): void => {
    place.set(input.subarray(0, place.length));
    numbers[1] = input.length;
    numbers[0] = (numbers[0] ?? 0) + 1;
  };
  const { seed, tokens, runs, seconds, corpus, save } = assignment;
  const subject = target.start(assignment.directory);
  const fuzzer = new Fuzzer(target, subject, counters, { seed, tokens, announce });
  const report = await fuzzer.run(corpusOf(corpus), {
    runs,
    milliseconds: seconds * 1_000,
    slowMs: SLOW_MS,
    findings: MAX_FINDINGS,
  });
  show(assignment, report);
  for (const { input, stack } of report.findings) writeFinding(assignment, input, stack);
  if (save) {
    const kept = await chosen(report.corpus, async (input) => fuzzer.features(input), KEPT);
    rmSync(corpus, { recursive: true, force: true });
    mkdirSync(corpus, { recursive: true });
    for (const input of kept) writeFileSync(join(corpus, nameOf(input)), input);
  }
  subject.close?.();
  return report.findings.length === 0 ? 0 : 1;
}

if (isMainThread) watch(JSON.parse(process.argv[2] ?? "") as Assignment);
else {
  const { parentPort } = await import("node:worker_threads");
  parentPort?.postMessage(await work(workerData as Shared));
}
