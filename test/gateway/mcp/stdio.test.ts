import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { serveMcpStdio } from "../../../gateway/mcp/stdio.ts";
import { STDIO_CASE } from "../conformance/cases.ts";
import { differs } from "../conformance/shapes.ts";
import { openRig, type RigOptions } from "../fixtures/rig.ts";
import { eventually } from "./clients.ts";

const CALLER = { name: "owner", isAdmin: true };

async function open(options: RigOptions = { mode: "mcp" }) {
  const rig = await openRig(options);
  const input = new PassThrough();
  const output = new PassThrough();
  let text = "";
  output.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const served = serveMcpStdio({ parts: rig.parts, caller: CALLER, input, output });
  const replies = (): readonly unknown[] =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  const say = (message: object): void => {
    input.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  };
  return { rig, input, output, served, replies, say };
}

function initialize(protocolVersion: string): object {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: "c", version: "1" } };
  return { id: 0, method: "initialize", params };
}

function call(id: number, name: string, args: object): object {
  return { id, method: "tools/call", params: { name, arguments: args } };
}

describe("MCP over standard input and output", () => {
  it("41: answers a client of the original's version one after the other, and ends with its input", async () => {
    const { input, served, replies } = await open({ mode: "cli" });
    input.end(STDIO_CASE.lines.join("\n"));
    await served;
    const given = replies();
    expect(given).toHaveLength(STDIO_CASE.replies.length);
    for (const [index, shape] of STDIO_CASE.replies.entries()) expect(differs(shape, given[index])).toBeUndefined();
  });

  it("answers newer clients as soon as there is an answer", async () => {
    const { input, served, replies, say, rig } = await open();
    say(initialize("2025-06-18"));
    say({ method: "notifications/initialized" });
    say(call(1, "fleet_run", { target: "a", command: "sleep 0.5; echo slow" }));
    say(call(2, "fleet_ping", { target: "a" }));
    say({ id: 3, method: "ping" });
    input.write("garbage\n[1]\n");
    input.end();
    await served;
    expect(replies()[0]).toMatchObject({ id: 0, result: { protocolVersion: "2025-06-18" } });
    expect(
      replies()
        .map((reply) => (reply as { readonly id: unknown }).id)
        .at(-1),
    ).toBe(1);
    expect(replies()).toContainEqual(
      expect.objectContaining({ id: null, error: expect.objectContaining({ code: -32_700 }) as object }),
    );
    expect(replies()).toContainEqual(
      expect.objectContaining({ id: null, error: expect.objectContaining({ code: -32_600 }) as object }),
    );
    expect(rig.fleet.asked).toMatchObject([{ source: "mcp", peer: "stdio" }]);
  });

  it("ends a command that a newer client cancels, and does not wait for its answer", async () => {
    const { input, served, say, rig, replies } = await open();
    say(initialize("2025-06-18"));
    say(call(1, "fleet_run", { target: "a", command: "sleep 60" }));
    await eventually(() => rig.fleet.places === 1);
    say({ method: "notifications/cancelled", params: { requestId: 1 } });
    await eventually(() => rig.fleet.places === 0);
    say(call(2, "fleet_run", { target: "a", command: "sleep 60", wait_seconds: 0 }));
    input.end();
    await served;
    expect(replies()).toMatchObject([
      { id: 0 },
      { id: 2, result: { structuredContent: { next_page: expect.any(String) as string } } },
    ]);
    await eventually(() => rig.fleet.places === 0);
  });

  it("speaks the version without initialize", async () => {
    const { input, served, say, replies } = await open();
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "c", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    say({ id: 1, method: "server/discover", params: { _meta: meta } });
    say({ id: 2, method: "tools/list", params: { _meta: meta } });
    input.end();
    await served;
    expect(replies()).toMatchObject([
      { id: 1, result: { supportedVersions: ["2026-07-28"] } },
      { id: 2, result: { tools: expect.any(Array) as unknown[] } },
    ]);
  });

  it("ends everything when nobody reads its output any more", async () => {
    const { input, output, served, say, rig } = await open();
    say(call(1, "commando_exec", { target: "a", command: "sleep 60" }));
    await eventually(() => rig.fleet.places === 1);
    output.destroy();
    await served;
    await eventually(() => rig.fleet.places === 0);
    expect(input.destroyed).toBe(true);
  });

  it("does not keep a line that never ends", async () => {
    const { input, served } = await open();
    const refused = served.catch((error: unknown) => String(error));
    const chunk = Buffer.alloc(65_536, "x");
    const send = (): void => {
      while (!input.destroyed && input.write(chunk));
    };
    input.on("drain", send).on("error", () => undefined);
    send();
    expect(await refused).toMatch(/longer than 4194304 bytes/);
  });
});
