import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { CodedError } from "../../../wire/errors.ts";
import { checkInputPath, isGitInternal, resolveOutputPath } from "../../../host/operation/paths-on-disk.ts";
import { cleanRelative } from "../../../host/util/glob.ts";
import { attempt, demand, type Target } from "../engine/target.ts";
import { linesOf, Tree } from "./tree.ts";

/** Where the system ends up: the real path of what exists, and of the nearest directory that exists otherwise. */
function bySystem(path: string): { readonly path: string; readonly exists: boolean } | undefined {
  const real = attempt(() => realpathSync.native(path));
  if (real.ok) return { path: real.value, exists: true };
  if (!(real.error instanceof Error && "code" in real.error && real.error.code === "ENOENT")) return undefined;
  const parent = dirname(path);
  const above = bySystem(parent);
  return above === undefined ? undefined : { path: above.path, exists: false };
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep);
}

function isLink(path: string): boolean {
  const stats = attempt(() => lstatSync(path, { throwIfNoEntry: false }));
  return stats.ok && stats.value?.isSymbolicLink() === true;
}

/** The value or undefined; only denials of this code may be thrown. */
function unlessDenied<T>(code: string, work: () => T): T | undefined {
  const result = attempt(work);
  if (result.ok) return result.value;
  if (!(result.error instanceof CodedError)) throw result.error;
  demand(result.error.code === code, "has another code", result.error.code);
  return undefined;
}

function checkInput(root: string, value: string): void {
  const clean = unlessDenied("path_denied", () => checkInputPath(root, value));
  if (clean === undefined) return;
  demand(clean === cleanRelative(value), "is cleaned in two ways", { value, clean });
  for (const spelling of [value, clean]) {
    const there = bySystem(join(root, "x").slice(0, -1) + spelling);
    if (there === undefined) continue;
    demand(isInside(root, there.path), "an input outside of the workspace", { value, there });
    demand(!there.exists || !lstatSync(there.path).isDirectory(), "an input that is a directory", { value, there });
  }
}

function checkOutput(root: string, value: string): void {
  const place = unlessDenied("workspace_path_invalid", () => resolveOutputPath(root, value));
  if (place === undefined) return;
  demand(place.absolute === join(root, place.relative), "two places", { value, place });
  demand(isInside(root, place.absolute) && place.absolute !== root, "an output outside of the workspace", place);
  demand(!isGitInternal(place.relative), "an output of git's own", place);
  demand(!isLink(place.absolute), "an output that is a link", place);
  const there = bySystem(place.absolute);
  if (there === undefined) return;
  demand(isInside(root, there.path), "an output that the system puts elsewhere", { place, there });
  demand(!isInside(join(root, ".git"), there.path), "an output in the repository", { place, there });
}

/** A path, and behind it a tree as for `workspace`: what is taken is where the system goes, inside of the workspace. */
export const paths: Target = {
  name: "paths",
  modules: ["host/operation/paths-on-disk.ts", "host/util/glob.ts"],
  tokens: [
    ...[
      "../",
      "./",
      "/",
      "a/",
      "b/c",
      ".git/config",
      ".GIT",
      "git~1",
      ".cmd2host-staging",
      "\nl a ",
      "\nl b/c ",
      "\nd a",
      "\nf a x",
      "\np a",
    ],
    ...[
      "@/outside",
      "@/tree",
      "@/tree/",
      "@/tree/../outside",
      "../..",
      "..",
      ".",
      "//",
      "a/../b",
      "~",
      "\u200c",
      "\uff0e\uff47it",
      ":(",
      "\\",
    ],
  ],
  separator: "\n",
  seeds: [
    "a/b\nf a/b x\nd c",
    "l/x\nl l d\nd d",
    "l/../x\nl l d/e\nd d/e\nf x y",
    "a\nl a @/outside/file",
    "a/x\nl a @/tree/b\nl b ../outside",
    "a/b/c/d\nl a b\nl b a",
    ".git/config\nf .git/config x",
    "x\nl x .git/hooks/y\nd .git/hooks",
  ],
  maxBytes: 512,
  start: (directory) => {
    const base = realpathSync.native(directory);
    const tree = new Tree(base);
    return {
      check: (input) => {
        const [value = "", ...lines] = linesOf(input);
        const path = Buffer.from(value, "latin1").toString("utf8");
        tree.build(lines);
        checkInput(tree.root, path);
        checkOutput(tree.root, path);
      },
    };
  },
};
