import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EMBEDDED } from "./embedded.ts";
import { sourceWords } from "./source-words.ts";

/** How a program of this installation is started. */
export interface OwnProgram {
  /** Absolute path. */
  readonly file: string;
  /** What comes before the program's own arguments. */
  readonly args: readonly string[];
}

/** Enough for the largest results, several at a time. */
const HEAP_MB = 256;

/**
 * What the runtime is told of a program that reads what hostile clients write: it gets its own files and its connections, and may neither write files
 * nor start programs. It is a second wall, behind the program's own care.
 */
function sealed(directory: string): readonly string[] {
  const known = process.allowedNodeEnvironmentFlags;
  return [
    known.has("--permission") ? "--permission" : "--experimental-permission",
    "--disable-warning=ExperimentalWarning",
    `--allow-fs-read=${directory}/`,
    ...(known.has("--allow-net") ? ["--allow-net"] : []),
    `--max-old-space-size=${HEAP_MB}`,
  ];
}

/**
 * How to start the MCP server, or the program itself, of the running installation: the executable starts itself, a bundle its neighbour in dist/, source its source. Never a
 * program that is found by PATH or from a working directory.
 */
export function ownProgram(name: "cmd2host" | "cmd2host-mcp"): OwnProgram {
  const file = process.execPath;
  const isMcp = name === "cmd2host-mcp";
  if (EMBEDDED !== undefined) return { file, args: isMcp ? ["mcp"] : [] };
  const running = fileURLToPath(import.meta.url);
  const directory = dirname(running);
  if (!running.endsWith(".ts"))
    return { file, args: [...(isMcp ? sealed(directory) : []), join(directory, `${name}.js`)] };
  return { file, args: sourceWords(join(directory, isMcp ? "../../mcp/main.ts" : "../main.ts")) };
}
