import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { buildPage } from "../build-page.ts";
import { FEATURE_SOURCES } from "../../host/setup/feature-files.ts";

/** Files that the executable carries, by their path in the package. */
function carried(root: string): ReadonlyMap<string, Buffer> {
  const templates = readdirSync(join(root, "templates"))
    .filter((name) => name.endsWith(".json"))
    .map((name) => `templates/${name}`);
  const bridges = ["x64", "arm64"].map((arch) => `shim/dist/cmd2host-bridge-linux-${arch}`);
  const page = ["index.html", "page.js", "page.css", "icon.svg"].map((name) => `page/dist/${name}`);
  const feature = FEATURE_SOURCES.map((name) => `feature/src/cmd2host/${name}`);
  const paths = [
    ...templates.sort(),
    ...page,
    ...feature,
    "LICENSE",
    "shim/LICENSE-musl.txt",
    ...bridges.filter((path) => existsSync(join(root, path))),
  ];
  return new Map(paths.map((path) => [path, readFileSync(join(root, path))]));
}

export interface Bundle {
  /** Every file that it was made of, from the root. */
  readonly inputs: readonly string[];
  /** Files that are carried in it as they are, from the root. */
  readonly carried: readonly string[];
}

/**
 * `import { stdout } from "node:process"`, which a package for prompts does, would be moved to the top of the one module; there Bun makes the stream, and
 * marks a pipe that we share with the programs beside us. Through this the stream is made when somebody uses it.
 */
const PROCESS: Plugin = {
  name: "process",
  setup(builder) {
    builder.onResolve({ filter: /^(?:node:)?process$/ }, () => ({ path: "process", namespace: "own" }));
    builder.onLoad({ filter: /.*/, namespace: "own" }, () => ({ contents: "module.exports = globalThis.process;" }));
  },
};

/**
 * Writes all of cmd2host as one module, made of the same sources by the same bundler as the programs in dist/. What is in it depends on the sources only,
 * not on where they lie.
 */
export async function bundle(root: string, outfile: string, version: string): Promise<Bundle> {
  const pageInputs = await buildPage(root);
  const files = carried(root);
  const embedded = Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString("base64")]));
  const result = await build({
    absWorkingDir: root,
    entryPoints: ["executable/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    // As in scripts/build.ts.
    mainFields: ["module", "main"],
    legalComments: "none",
    metafile: true,
    define: {
      CMD2HOST_VERSION: JSON.stringify(version),
      CMD2HOST_EMBEDDED: JSON.stringify(embedded),
      __filename: "import.meta.filename",
      __dirname: "import.meta.dirname",
    },
    plugins: [PROCESS],
    logLevel: "warning",
  });
  return { inputs: [...Object.keys(result.metafile.inputs), ...pageInputs], carried: [...files.keys()] };
}
