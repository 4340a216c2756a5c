import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { SOCKET, TOKEN_FILE } from "../util/container-places.ts";
import type { ConnectionMode } from "./devcontainer.ts";
import { JsoncError, JsoncText } from "./jsonc-text.ts";

/** A file in which an MCP client finds its servers. */
export interface McpFile {
  readonly path: string;
  /** The member that holds the servers. */
  readonly servers: string;
  /** What the client wants to know besides. */
  readonly more: Readonly<Record<string, string>>;
}

export const MCP_FILES: ReadonlyMap<string, McpFile> = new Map([
  ["claude", { path: ".mcp.json", servers: "mcpServers", more: {} }],
  ["vscode", { path: ".vscode/mcp.json", servers: "servers", more: { type: "stdio" } }],
]);

const PROGRAM = "cmd2host-mcp";

/** How a client in a container starts our server. */
export function mcpServer(mode: ConnectionMode, port: number): Readonly<Record<string, unknown>> {
  const way = mode === "unix" ? ["-socket", SOCKET] : ["-host", "host.docker.internal", "-port", String(port)];
  return { command: PROGRAM, args: ["-token-file", TOKEN_FILE, ...way] };
}

/**
 * The text of an MCP file with our server in it; undefined when somebody else's server has its name.
 * @param text undefined when there is no file
 * @throws CodedError `devcontainer_unsupported`
 */
export function withServer(
  text: string | undefined,
  { path, servers, more }: McpFile,
  server: Readonly<Record<string, unknown>>,
): string | undefined {
  const wanted = { ...more, ...server };
  if (text === undefined) return `${JSON.stringify({ [servers]: { cmd2host: wanted } }, null, 2)}\n`;
  try {
    const file = new JsoncText(text);
    const there = file.get([servers]);
    if (there === undefined) file.set([servers], { cmd2host: wanted });
    else if (typeof there !== "object" || there === null || Array.isArray(there))
      throw new JsoncError(`${JSON.stringify(servers)} is not an object`);
    else {
      const command = file.get([servers, "cmd2host", "command"]);
      if (file.get([servers, "cmd2host"]) !== undefined && command !== PROGRAM) return undefined;
      file.set([servers, "cmd2host"], wanted);
    }
    return file.toString();
  } catch (error) {
    if (!(error instanceof JsoncError)) throw error;
    throw new CodedError("devcontainer_unsupported", `${printable(path)}: ${printable(error.message)}`, {
      hint: "Mend it, or leave it out with --mcp.",
      cause: error,
    });
  }
}
