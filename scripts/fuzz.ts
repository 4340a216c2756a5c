/**
 * Searches for inputs that break what has to hold of a parser: varies inputs, keeps those that reach new code, and says
 * what failed. `npm run fuzz -- --target NAME --seconds N --seed S`; without a target all of them, one after the other.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import type { Target } from "../test/fuzz/engine/target.ts";
import { COUNTING, instrumenting, textsIn } from "./fuzz-instrument.ts";
import type { Assignment } from "./fuzz-worker.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const INDEX = join(root, "test/fuzz/targets/index.ts");

const { values: options } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    seconds: { type: "string", default: "60" },
    runs: { type: "string", default: "Infinity" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    save: { type: "boolean", default: false },
    corpus: { type: "string", default: join(root, "test/fuzz/corpus") },
    findings: { type: "string", default: join(tmpdir(), "cmd2host-fuzz") },
    /** Other targets than ours: a module like test/fuzz/targets/index.ts. */
    targets: { type: "string", default: INDEX },
  },
});

/** Bundles the worker with counters in the target's modules. Returns the texts that stand in them. */
async function bundle(target: Target, index: string, outfile: string): Promise<readonly string[]> {
  const texts = new Set<string>();
  await build({
    entryPoints: [join(root, "scripts/fuzz-worker.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    sourcemap: "inline",
    banner: {
      js: `import { createRequire as cmd2hostCreateRequire } from "node:module";
const require = cmd2hostCreateRequire(import.meta.url);
${COUNTING}`,
    },
    plugins: [
      {
        name: "targets",
        setup(builder) {
          builder.onResolve({ filter: /\/targets\/index\.ts$/ }, () => ({ path: index }));
        },
      },
      instrumenting(root, target.modules, (source) => {
        for (const text of textsIn(source)) texts.add(text);
      }),
    ],
    logLevel: "warning",
  });
  return [...texts];
}

/** In memory where there is such a place: many targets write small files for every input. */
const fastDirectory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

async function fuzz(target: Target, index: string): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), "c2h-fuzz-"));
  const place = mkdtempSync(join(fastDirectory, "c2h-fuzz-"));
  try {
    const outfile = join(directory, "worker.mjs");
    const tokens = await bundle(target, index, outfile);
    const assignment: Assignment = {
      target: target.name,
      seed: Number(options.seed),
      runs: options.runs === "Infinity" ? Number.MAX_SAFE_INTEGER : Number(options.runs),
      seconds: Number(options.seconds),
      tokens,
      corpus: join(resolve(options.corpus), target.name),
      save: options.save,
      directory: place,
      findings: resolve(options.findings),
    };
    const { status } = spawnSync(process.execPath, ["--enable-source-maps", outfile, JSON.stringify(assignment)], {
      stdio: "inherit",
      cwd: root,
    });
    return status === 0;
  } finally {
    for (const path of [directory, place]) rmSync(path, { recursive: true, force: true });
  }
}

const index = resolve(options.targets);
const { TARGETS } = (await import(pathToFileURL(index).href)) as { readonly TARGETS: readonly Target[] };
const wanted = TARGETS.filter(({ name }) => options.target?.includes(name) ?? true);
if (wanted.length === 0) {
  process.stderr.write(`no such target; there are: ${TARGETS.map(({ name }) => name).join(", ")}\n`);
  process.exitCode = 2;
}
for (const target of wanted) {
  if (!(await fuzz(target, index))) process.exitCode = 1;
}
