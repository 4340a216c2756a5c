/**
 * Bundles the programs into dist/, without run-time dependencies, so that an installation is this package alone. Also writes the
 * licences of everything that is bundled.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildPage } from "./build-page.ts";
import { bundledPackages, licencesText } from "./bundled-packages.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

/** CommonJS packages inside an ES module bundle still call require for node's own modules, and some ask for their own file name. */
const banner = `#!/usr/bin/env node
import { createRequire as cmd2hostCreateRequire } from "node:module";
const require = cmd2hostCreateRequire(import.meta.url);
const cmd2hostFilename = import.meta.filename, cmd2hostDirname = import.meta.dirname;`;

/** Bundles one program. What it loads on demand goes into files of its own, so that the daemon does not carry the command line. */
async function bundle(entry: string, name: string): Promise<readonly string[]> {
  const result = await build({
    entryPoints: { [name]: join(root, entry) },
    outdir: dist,
    splitting: true,
    chunkNames: `${name}-[name]-[hash]`,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    // Some packages' CommonJS build (jsonc-parser's) hides its requires from the bundler; their module build does not.
    mainFields: ["module", "main"],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    metafile: true,
    define: {
      CMD2HOST_VERSION: JSON.stringify(version),
      __filename: "cmd2hostFilename",
      __dirname: "cmd2hostDirname",
    },
    banner: { js: banner },
    logLevel: "warning",
  });
  chmodSync(join(dist, `${name}.js`), 0o755);
  return Object.keys(result.metafile.inputs);
}

if (existsSync(dist)) rmSync(dist, { recursive: true });
mkdirSync(dist, { recursive: true });
const inputs = [
  ...(await bundle("host/main.ts", "cmd2host")),
  ...(await bundle("mcp/main.ts", "cmd2host-mcp")),
  ...(await bundle("proxy/main.ts", "cmd2host-proxy")),
  ...(await buildPage(root)),
];
const licences = licencesText(bundledPackages(root, inputs), "the programs in this directory");
// The package and the feature carry the bridge beside the bundles.
const musl = readFileSync(join(root, "shim/LICENSE-musl.txt"), "utf8");
writeFileSync(
  join(dist, "THIRD_PARTY_LICENSES.txt"),
  `${licences}\n----------------------------------------\n\n${musl}`,
);
