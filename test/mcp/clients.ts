import { PassThrough } from "node:stream";
import { Client, type ClientOptions } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Ajv2020 } from "ajv/dist/2020.js";
import { run } from "../../mcp/serve.ts";
import { LineTransport } from "../../mcp/stdio.ts";
import { wordsOf } from "../fixtures/tested-program.ts";

/** What a tool answered, taken apart. */
export interface Answer {
  readonly text: string;
  readonly data: unknown;
  readonly isError: boolean;
}

export interface Session {
  readonly client: Client;
  /** Calls a tool; the data is checked against the tool's output schema, here and by the client. */
  call(name: string, args?: Record<string, unknown>): Promise<Answer>;
  close(): Promise<void>;
}

/** Connects a client that knows the tools to a server that is started with these options and environment. */
export type Connect = (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<Session>;

async function sessionOf(client: Client, close: () => Promise<void>): Promise<Session> {
  const { tools } = await client.listTools();
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const checks = new Map(
    tools.map(({ name, outputSchema }) => [name, ajv.compile(Object.fromEntries(Object.entries(outputSchema ?? {})))]),
  );
  return {
    client,
    close,
    call: async (name, args = {}) => {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: args });
      const [block, ...more] = content;
      if (block?.type !== "text" || more.length > 0) throw new Error("not a single text");
      const check = checks.get(name);
      if (check?.(structuredContent) !== true)
        throw new Error(`data breaks the schema: ${JSON.stringify(check?.errors)}`);
      return { text: block.text, data: structuredContent, isError: isError === true };
    },
  };
}

/** Connects a client to any program that is an MCP server on its standard input and output. */
export async function connectTo(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options?: ClientOptions,
): Promise<Session> {
  const client = new Client({ name: "test", version: "1" }, options);
  await client.connect(new StdioClientTransport({ command, args: [...args], env: { ...env }, stderr: "ignore" }));
  return sessionOf(client, async () => client.close());
}

/** The program in a process of its own. */
export function spawned(file: string, options?: ClientOptions): Connect {
  return async (args, env) => {
    const [command, ...first] = wordsOf(file);
    return connectTo(command, [...first, ...args], env, options);
  };
}

/** The same program inside this process, over streams. */
export const inProcess: Connect = async (args, env) => {
  const toServer = new PassThrough();
  const toClient = new PassThrough();
  const exited = run({
    args,
    env,
    input: toServer,
    output: toClient,
    errors: new PassThrough(),
    stop: new AbortController().signal,
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new LineTransport(toClient, toServer));
  return sessionOf(client, async () => {
    toServer.end();
    await exited;
    await client.close();
  });
};
