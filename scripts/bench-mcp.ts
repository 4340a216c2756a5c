import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { DaemonClient } from "../wire/client.ts";
import type { BenchDaemon } from "./bench-daemon.ts";
import { latencyRow, Samples, timed, type Row } from "./bench-figures.ts";

const server = join(dirname(fileURLToPath(import.meta.url)), "../dist/cmd2host-mcp.js");

/**
 * A tool call of a real MCP client over standard input and output, beside the same operation asked of the daemon by turns.
 * @param operation one without parameters that succeeds
 */
export async function mcpRow(daemon: BenchDaemon, token: string, operation: string, count: number): Promise<Row> {
  const { path } = daemon.unix as { path: string };
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [server, "-socket", path],
      env: { PATH: process.env["PATH"] ?? "", CMD2HOST_TOKEN: token },
    }),
  );
  const call = async (): Promise<void> => {
    const result = await client.callTool({ name: "cmd2host_run_operation", arguments: { operation_id: operation } });
    if (result.isError === true) throw new Error(JSON.stringify(result.content));
  };
  const direct = new DaemonClient(daemon.unix, token);
  const samples = new Samples();
  try {
    for (let round = 0; round < count * 2; round++) {
      const [called, ran] = [await timed(call), await timed(async () => direct.run({ operation }))];
      if (round < count) continue; // three processes warm up
      samples.add("mcp", called);
      samples.add("run", ran);
    }
  } finally {
    await client.close();
  }
  return latencyRow(`run ${operation} over MCP, p50 / p99`, samples.of("mcp"), samples.of("run"), "without MCP");
}
