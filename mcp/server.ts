import { McpServer, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { quoted, shortened } from "../wire/text.ts";
import type { Backend } from "./backend.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import { describeTool } from "./tools/describe.ts";
import { listTool } from "./tools/list.ts";
import { runTool } from "./tools/run.ts";

/** Answers to methods that clients ask for out of habit, without a capability that promises them. */
const EMPTY_LISTS = new Map([
  ["resources/list", { resources: [] }],
  ["prompts/list", { prompts: [] }],
]);

/**
 * Makes the server for one connection: three tools over a daemon, nothing else. The daemon is contacted by tool calls
 * only. Arguments that break a schema and unknown tools are protocol errors (-32602), as the original answers them.
 */
export function createServer(backend: Backend, version: string): McpServer {
  const tools = new Map(
    [describeTool(backend), listTool(backend), runTool(backend)].map((tool) => [tool.name, tool] as const),
  );
  const product = new McpServer(
    { name: "cmd2host-mcp", title: "cmd2host", version },
    { capabilities: { logging: {}, tools: { listChanged: true } }, instructions: INSTRUCTIONS },
  );
  // The handlers are set by hand because the ones of `registerTool` turn broken arguments into tool results.
  const { server } = product;
  server.setRequestHandler("tools/list", () => ({ tools: [...tools.values()].map((tool) => tool.listed()) }));
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    const tool = tools.get(params.name);
    if (tool !== undefined) return tool.call(params.arguments ?? {}, context.mcpReq.signal);
    const known = [...tools.keys()].join(", ");
    const name = quoted(shortened(params.name, 100));
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool ${name}; the tools are ${known}`);
  });
  server.fallbackRequestHandler = async ({ method }) => {
    const answer = EMPTY_LISTS.get(method);
    if (answer === undefined) throw new ProtocolError(ProtocolErrorCode.MethodNotFound, "Method not found");
    return Promise.resolve({ ...answer });
  };
  return product;
}
