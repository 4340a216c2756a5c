import { printable } from "../../wire/text.ts";
import { mcpServers } from "./devcontainer-facts.ts";
import type { Check, Checks } from "./doctor-check.ts";
import { workspaceFile } from "./workspace-files.ts";

/** Where Claude Code and VS Code look for MCP servers. */
const FILES = [[".mcp.json"], [".vscode", "mcp.json"]] as const;

/** Whether the MCP clients' files in a workspace, as far as there are any, name us. @param fix what writes them */
export function mcpFileChecks(checks: Checks, workspace: string, fix: string): readonly Check[] {
  return FILES.flatMap((names) => {
    const file = workspaceFile(workspace, ...names);
    if (file === undefined) return [];
    if ("wrong" in file) return [checks.warn(file.wrong, "Mend it: MCP clients do not read it so.")];
    const ours = [...mcpServers(file.value)].some(
      ([name, program]) => name === "cmd2host" || program.endsWith("cmd2host-mcp"),
    );
    const path = printable(file.path);
    if (ours) return [checks.ok(`${path} names cmd2host`)];
    return [checks.warn(`${path} does not name cmd2host: its client has no tools of ours`, fix)];
  });
}
