import { basename } from "node:path";

/**
 * Entry of the self-contained executable, which is both programs: by the name that it is called with, or by its first word, it is the MCP server; otherwise
 * the daemon and its command line. What it is not, is not loaded.
 */
if (basename(process.argv0) === "cmd2host-mcp") {
  await import("../mcp/main.ts");
} else if (process.argv[2] === "mcp") {
  process.argv.splice(2, 1);
  await import("../mcp/main.ts");
} else {
  await import("../host/main.ts");
}
