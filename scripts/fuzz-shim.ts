/**
 * Searches for input that breaks what the bridge parses: frames, git's files, the list of mounts, lines of JSON.
 * `npm run fuzz:shim -- --seconds N --seed S --inputs M`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileFuzz } from "./shim/compile.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    inputs: { type: "string", default: String(Number.MAX_SAFE_INTEGER) },
  },
});

const directory = mkdtempSync(join(tmpdir(), "c2h-fuzz-"));
try {
  const program = join(directory, "fuzz");
  compileFuzz(program);
  process.stdout.write(`seed ${options.seed}\n`);
  const { status } = spawnSync(program, [options.seconds, options.seed, options.inputs], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
