import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { soak } from "../../scripts/soak-course.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE } from "../fixtures/tested-program.ts";

/** The daemon as one bundle, apart from dist/, which other tests write anew. Returns the program. */
async function bundle(): Promise<string> {
  if (EXECUTABLE !== undefined) return EXECUTABLE;
  const outdir = tempDirectory();
  await build({
    entryPoints: { cmd2host: join(projectRoot, "host/main.ts") },
    outdir,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    define: { CMD2HOST_VERSION: '"0"', __filename: "import.meta.filename", __dirname: "import.meta.dirname" },
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "silent",
  });
  return join(outdir, "cmd2host.mjs");
}

describe("a daemon that has had many runs of all kinds", () => {
  it.runIf(process.platform === "linux")(
    "holds no more descriptors, processes, files and memory than before",
    async () => {
      const said: string[] = [];
      const wrong = await soak({
        program: await bundle(),
        base: tempDirectory(),
        runs: 300,
        warmUp: 100,
        sampleEvery: 100,
        // So early memory still grows to what a daemon needs; the long soak is what looks at it closely.
        growthMb: 80,
        say: (line) => {
          said.push(line);
        },
      });
      expect(wrong, said.join("\n")).toEqual([]);
      expect(said.at(-2)).toContain("300 runs");
    },
    120_000,
  );
});
