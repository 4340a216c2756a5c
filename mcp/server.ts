import { McpServer, ProtocolError, ProtocolErrorCode, type CallToolResult } from "@modelcontextprotocol/server";
import type { ToolMode } from "../wire/names.ts";
import { quoted, shortened } from "../wire/text.ts";
import type { Backend } from "./backend.ts";
import { Catalog } from "./catalog.ts";
import { callContext, type CallContext } from "./context.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import { registerResources } from "./resources.ts";
import { cancelRunTool } from "./tools/cancel-run.ts";
import { Tasks, TASKS_CAPABILITY } from "./tasks.ts";
import { explainTool } from "./tools/explain.ts";
import { describeTool } from "./tools/describe.ts";
import { listTool } from "./tools/list.ts";
import { readOutputTool } from "./tools/read-output.ts";
import { runStatusTool } from "./tools/run-status.ts";
import { runTool } from "./tools/run.ts";
import type { Tool } from "./tools/tool.ts";
import { typedTool } from "./tools/typed.ts";
import { ToolSet } from "./typed/tool-set.ts";

/** Answers to methods that clients ask for out of habit, without a capability that promises them. */
const EMPTY_LISTS = new Map([["prompts/list", { prompts: [] }]]);

/**
 * What the definitions of typed tools may take when nobody asked for them, in bytes: some thirty operations, 10,000 to 17,000 tokens. Clients that
 * put all definitions before every conversation could do little else with many more.
 */
const MAX_UNASKED_BYTES = 40_000;

/** The tools that are always the same, by name. */
function ownTools(backend: Backend, mode: ToolMode): ReadonlyMap<string, Tool> {
  const generic = mode === "typed" ? [] : [describeTool(backend), runTool(backend)];
  const always = [
    explainTool(backend),
    listTool(backend),
    readOutputTool(backend),
    runStatusTool(backend),
    cancelRunTool(backend),
  ];
  const tools = [...generic, ...always].map((tool) => [tool.name, tool] as const);
  return new Map(tools.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the daemon allows now. The client is told when that changes. */
function catalogOf(backend: Backend, { server }: McpServer): Catalog {
  return new Catalog(backend, () => {
    // The client has gone when this fails, and then nobody wants to know.
    server.sendToolListChanged().catch(() => undefined);
  });
}

/** The tools of the operations. */
function operationTools(backend: Backend, mode: ToolMode, catalog: Catalog): ToolSet {
  const { outputSchema = { type: "object" } } = runTool(backend).listed();
  const maxBytes = mode === "auto" ? MAX_UNASKED_BYTES : Number.POSITIVE_INFINITY;
  return new ToolSet(catalog, maxBytes, (name, operation) => typedTool(backend, name, operation, outputSchema));
}

function unknownTool(name: string, own: ReadonlyMap<string, Tool>): ProtocolError {
  const others = own.has("cmd2host_run_operation") ? "" : ", and one per operation";
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `Unknown tool ${quoted(shortened(name, 100))}; the tools are ${[...own.keys()].join(", ")}${others}`,
  );
}

/**
 * Makes the server for one connection: tools and resources over a daemon. The daemon is contacted by need only. Arguments that break a schema
 * and unknown tools are protocol errors (-32602), as the original answers them.
 */
export function createServer(backend: Backend, version: string, mode: ToolMode): McpServer {
  const product = new McpServer(
    { name: "cmd2host-mcp", title: "cmd2host", version },
    {
      capabilities: { logging: {}, resources: {}, tools: { listChanged: true }, extensions: TASKS_CAPABILITY },
      instructions: INSTRUCTIONS,
    },
  );
  const own = ownTools(backend, mode);
  const catalog = mode === "generic" ? undefined : catalogOf(backend, product);
  const operations = catalog === undefined ? undefined : operationTools(backend, mode, catalog);
  const tasks = new Tasks();

  async function call(name: string, args: unknown, context: CallContext): Promise<CallToolResult> {
    const tool = own.get(name);
    if (tool !== undefined) return tool.call(args, context);
    const found = (await operations?.find(name)) ?? { kind: "unknown" };
    if (found.kind === "unknown") throw unknownTool(name, own);
    return found.kind === "result" ? found.result : found.tool.call(args, context);
  }

  // The handlers are set by hand because the ones of `registerTool` turn broken arguments into tool results.
  const { server } = product;
  server.setRequestHandler("tools/list", async () => {
    const tools = [...own.values(), ...((await operations?.list()) ?? [])];
    return { tools: tools.map((tool) => tool.listed()) };
  });
  server.setRequestHandler("tools/call", async ({ params }, context) =>
    tasks.answer(context, callContext(context, server), async (own) => call(params.name, params.arguments ?? {}, own)),
  );
  tasks.register(product);
  server.onclose = () => {
    catalog?.stop();
    tasks.stop();
  };
  registerResources(product, backend);
  server.fallbackRequestHandler = async ({ method }) => {
    const answer = EMPTY_LISTS.get(method);
    if (answer === undefined) throw new ProtocolError(ProtocolErrorCode.MethodNotFound, "Method not found");
    return Promise.resolve({ ...answer });
  };
  return product;
}
