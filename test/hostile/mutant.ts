import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Daemon } from "../../host/daemon/daemon.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

/** One change of one source file: `from` stands in it exactly once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** What a daemon class of a mutant can be used for. */
export type DaemonClass = Pick<typeof Daemon, "start">;

const banner = `import { createRequire as requireOf } from "node:module";
const require = requireOf(import.meta.url);
const mutantFilename = import.meta.filename, mutantDirname = import.meta.dirname;`;

/** A source with the edits. Throws when one does not fit any more: then the mutation has to be written anew. */
export function edited(file: string, edits: readonly Edit[]): string {
  let text = readFileSync(join(projectRoot, file), "utf8");
  for (const { from, to } of edits) {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`${file}: ${JSON.stringify(from)} stands ${parts.length - 1} times`);
    text = parts.join(to);
  }
  return text;
}

function editing(edits: readonly Edit[]): Plugin {
  return {
    name: "mutation",
    setup: (context) => {
      context.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(projectRoot, path);
        const own = edits.filter((edit) => edit.file === file);
        return own.length === 0 ? undefined : { contents: edited(file, own), loader: "ts" };
      });
    },
  };
}

/** Builds the daemon with the edits, and loads it into this process. */
export async function buildMutant(edits: readonly Edit[]): Promise<DaemonClass> {
  const outfile = join(tempDirectory(), "mutant.mjs");
  await build({
    entryPoints: [join(projectRoot, "host/daemon/daemon.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    define: { __filename: "mutantFilename", __dirname: "mutantDirname", CMD2HOST_VERSION: '"0.0.0"' },
    banner: { js: banner },
    plugins: [editing(edits)],
    logLevel: "silent",
  });
  const loaded = (await import(pathToFileURL(outfile).href)) as { readonly Daemon: DaemonClass };
  return loaded.Daemon;
}
