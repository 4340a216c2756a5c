import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EMBEDDED } from "./embedded.ts";

/** How a program of this installation is started. */
export interface OwnProgram {
  /** Absolute path. */
  readonly file: string;
  /** What comes before the program's own arguments. */
  readonly args: readonly string[];
}

/**
 * How to start the MCP server of the running installation: the executable starts itself, a bundle its neighbour in dist/, source its source. Never a
 * program that is found by PATH or from a working directory.
 */
export function ownProgram(name: "cmd2host-mcp"): OwnProgram {
  const file = process.execPath;
  if (EMBEDDED !== undefined) return { file, args: ["mcp"] };
  const running = fileURLToPath(import.meta.url);
  if (!running.endsWith(".ts")) return { file, args: [join(dirname(running), `${name}.js`)] };
  // From here, because --import would look for it from the working directory of whoever starts the program.
  const loader = createRequire(running).resolve("tsx");
  return { file, args: ["--import", loader, join(dirname(running), "../../mcp/main.ts")] };
}
