import {
  Client,
  StreamableHTTPClientTransport,
  type ClientOptions,
  type RequestOptions,
} from "@modelcontextprotocol/client";
import { Ajv2020 } from "ajv/dist/2020.js";
import { atEnd } from "../../fixtures/temp.ts";
import { keyed } from "../fixtures/ask.ts";

/** What a tool answered, taken apart. */
export interface Called {
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
}

/** A real client of MCP that is connected to a gateway. */
export interface Connected {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** Calls a tool; its data is checked against the tool's output schema. */
  readonly call: (name: string, args?: Record<string, unknown>, options?: RequestOptions) => Promise<Called>;
}

/** Connects a client over HTTP. */
export async function connectClient(url: string, options?: ClientOptions, key = "k"): Promise<Connected> {
  const client = new Client({ name: "test", version: "1" }, options);
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers: keyed(key) } });
  await client.connect(transport);
  atEnd(async () => client.close());
  const { tools } = await client.listTools();
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const checks = new Map(
    tools.map(({ name, outputSchema }) => [name, ajv.compile(Object.fromEntries(Object.entries(outputSchema ?? {})))]),
  );
  return {
    client,
    transport,
    call: async (name, args = {}, more = {}) => {
      const result = await client.callTool({ name, arguments: args }, more);
      const { content, structuredContent, isError } = result;
      const [block, ...rest] = content;
      if (block?.type !== "text" || rest.length > 0) throw new Error("not a single text");
      const check = checks.get(name);
      if (check !== undefined && !check(structuredContent)) throw new Error(JSON.stringify(check.errors));
      const data = structuredContent as Readonly<Record<string, unknown>>;
      return { text: block.text, data, isError: isError === true };
    },
  };
}

/** Waits until something holds. */
export async function eventually(holds: () => boolean): Promise<void> {
  const latest = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > latest) throw new Error(`never: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
