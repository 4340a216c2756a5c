import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** What browsers of the last three years can do, Safari among them. */
const BROWSERS = ["es2022", "chrome111", "firefox115", "safari16.4"];

/** Writes a file in one step, unless it is as it should be already: tests make the same ones at the same time, and others pack them meanwhile. */
function write(path: string, bytes: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, bytes);
  renameSync(unfinished, path);
}

/**
 * Makes the browser's side of the page in page/dist: one script, one style sheet, and the two files that are sent as they are. Returns every file that the script
 * was made of, from the root.
 */
export async function buildPage(root: string): Promise<readonly string[]> {
  const source = join(root, "page");
  const out = join(source, "dist");
  mkdirSync(out, { recursive: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: [join(source, "main.tsx"), join(source, "page.css")],
    entryNames: "[ext]",
    outdir: out,
    write: false,
    bundle: true,
    format: "esm",
    target: BROWSERS,
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  for (const { path, contents } of result.outputFiles)
    write(join(out, path.endsWith(".css") ? "page.css" : "page.js"), contents);
  for (const name of ["index.html", "icon.svg"]) write(join(out, name), readFileSync(join(source, name)));
  return Object.keys(result.metafile.inputs);
}
