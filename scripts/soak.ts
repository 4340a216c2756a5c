/**
 * Lets a real daemon do many runs of all kinds, and checks that it holds no more afterwards than after the first of them: descriptors, processes, files, memory.
 * `--runs N` says how many, 10,000 by default, and `--every N` after how many it is left alone for a moment and looked at, 500 by default. `--program PATH` takes another program than
 * dist/cmd2host.js, an executable for example. Exits 1 and says what leaked, or what did not come out as it should.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { hasProc } from "./bench-daemon.ts";
import { soak } from "./soak-course.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    every: { type: "string", default: "500" },
    program: { type: "string", default: join(dirname(fileURLToPath(import.meta.url)), "../dist/cmd2host.js") },
  },
});
const [runs, every] = [Number(values.runs), Number(values.every)];
if (![runs, every].every((value) => Number.isInteger(value) && value >= 1))
  throw new RangeError("--runs and --every must be whole numbers from 1");
if (!hasProc) throw new Error("needs /proc, which only Linux has");

const base = realpathSync(mkdtempSync(join(tmpdir(), "c2h-soak-")));
try {
  const wrong = await soak({
    program: resolve(values.program),
    base,
    runs,
    // What has been allocated once stays resident; only then does memory hardly grow any more.
    warmUp: Math.min(2_000, Math.ceil(runs / 2)),
    sampleEvery: every,
    growthMb: 30,
    say: (line) => process.stdout.write(`${line}\n`),
  });
  for (const line of wrong) process.stdout.write(`wrong: ${line}\n`);
  process.stdout.write(wrong.length === 0 ? "nothing leaked\n" : "");
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  rmSync(base, { recursive: true, force: true });
}
