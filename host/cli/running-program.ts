import { realpathSync } from "node:fs";
import { sourceWords } from "../util/source-words.ts";

/** Where programs that Bun compiled find their own code. */
const BUN_ROOTS = ["/$bunfs/", "B:/~BUN/"];

/**
 * How the running cmd2host is started again from anywhere: the self-contained executable is itself, the package is Node and its file, source is Node,
 * its loader and its file. Absolute paths; links of an installation stay out, since they say nothing about what runs.
 */
export function runningProgram(executable: string, script: string | undefined): readonly string[] {
  if (script === undefined || BUN_ROOTS.some((root) => script.startsWith(root))) return [executable];
  const file = realpathSync.native(script);
  return [executable, ...(file.endsWith(".ts") ? sourceWords(file) : [file])];
}
