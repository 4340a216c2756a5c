import { McpServer, ProtocolError, ProtocolErrorCode, type ServerContext } from "@modelcontextprotocol/server";
import { quoted, shortened } from "../../wire/text.ts";
import type { Caller } from "../calls.ts";
import { fleetTools } from "./fleet-tools.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import { listedTools, originalTools } from "./original-tools.ts";
import type { FleetTool, ToolContext, ToolParts } from "./tool.ts";

const MAX_SHOWN = 100;

/** Who asks: one caller, and where a request of theirs comes from. */
export interface Asker {
  readonly caller: Caller;
  readonly peerOf: (request: Request | undefined) => string;
}

function contextOf({ mcpReq, http }: ServerContext, { caller, peerOf }: Asker): ToolContext {
  const { signal, notify, _meta: meta } = mcpReq;
  const progressToken = meta?.progressToken;
  const gone = http?.req?.signal;
  return {
    caller,
    peer: peerOf(http?.req),
    // Whoever goes away cannot be given the result any more, so nothing runs on for them.
    signal: gone === undefined ? signal : AbortSignal.any([signal, gone]),
    progress:
      progressToken === undefined
        ? undefined
        : (message, progress) => {
            const params = { progressToken, progress, message };
            notify({ method: "notifications/progress", params }).catch(() => undefined);
          },
  };
}

/** The server for a client of a version of MCP that the original does not know: its tools, ours, and further ones. */
export function fleetServer(parts: ToolParts, asker: Asker): McpServer {
  const { caller } = asker;
  const product = new McpServer(
    { name: "cmd2host-gateway", title: "cmd2host fleet", version: parts.version },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  const own = (): readonly FleetTool[] => [...originalTools(parts), ...fleetTools(parts)];
  // What a machine declares never stands in the place of a tool of ours.
  const further = async (): Promise<readonly FleetTool[]> => {
    const names = new Set(own().map(({ name }) => name));
    return ((await parts.further?.(caller)) ?? []).filter(({ name }) => !names.has(name));
  };

  const { server } = product;
  server.setRequestHandler("tools/list", async () => ({
    tools: [...listedTools(own(), parts.mode()), ...(parts.mode() === "mcp" ? await further() : [])].map(
      ({ name, title, description, inputSchema, outputSchema, annotations }) => ({
        name,
        title,
        description,
        inputSchema: { ...inputSchema },
        outputSchema: { ...outputSchema },
        annotations,
      }),
    ),
  }));
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    const named = ({ name }: FleetTool): boolean => name === params.name;
    const tool = own().find(named) ?? (await further()).find(named);
    if (tool === undefined) {
      const name = quoted(shortened(params.name, MAX_SHOWN));
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool ${name}`);
    }
    try {
      const { text, data, isError } = await tool.call(params.arguments, contextOf(context, asker));
      const content = [{ type: "text" as const, text }];
      return { content, structuredContent: { ...data }, ...(isError ? { isError } : {}) };
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      parts.reportBug(error);
      throw new ProtocolError(ProtocolErrorCode.InternalError, "internal error");
    }
  });
  return product;
}
