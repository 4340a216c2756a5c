import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { ask, keyed, type Answer } from "../fixtures/ask.ts";
import { openRig, type Rig } from "../fixtures/rig.ts";
import { connectClient, eventually } from "./clients.ts";

const BOTH = "application/json, text/event-stream";
const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "c", version: "1" } },
};

async function post(
  url: string,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
  key = "k",
): Promise<Answer> {
  return ask(url, "/mcp", {
    method: "POST",
    headers: { ...keyed(key), Accept: BOTH, "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function begin({ url }: Rig, key = "k"): Promise<string> {
  const { headers } = await post(url, INITIALIZE, {}, key);
  return String(headers["mcp-session-id"]);
}

async function ping({ url }: Rig, session: string, key = "k"): Promise<number> {
  return (await post(url, { jsonrpc: "2.0", id: 1, method: "ping" }, { "Mcp-Session-Id": session }, key)).status;
}

describe("a session of MCP over HTTP", () => {
  it("is its caller's alone", async () => {
    const rig = await openRig();
    const session = await begin(rig);
    expect(await ping(rig, session)).toBe(200);
    expect(await ping(rig, session, "k2")).toBe(404);
    expect(await ping(rig, "00000000-0000-4000-8000-000000000000")).toBe(404);
    for (const method of ["GET", "DELETE"]) {
      const other = await ask(rig.url, "/mcp", {
        method,
        headers: { ...keyed("k2"), "Mcp-Session-Id": session, Accept: BOTH },
      });
      expect([method, other.status]).toEqual([method, 404]);
    }
    expect(await ping(rig, session)).toBe(200);
  });

  it("ends with DELETE, and with it what runs in it", async () => {
    const rig = await openRig({ mode: "mcp" });
    const { call, transport } = await connectClient(rig.url);
    const running = call("fleet_run", { target: "a", command: "sleep 60" }).catch(() => "ended");
    await eventually(() => rig.fleet.places === 1);
    await transport.terminateSession();
    await eventually(() => rig.fleet.places === 0 && rig.mcp.sessions === 0);
    await transport.close();
    expect(await running).toBe("ended");
  });

  it("ends a command whose client goes away", async () => {
    const rig = await openRig({ mode: "mcp" });
    const session = await begin(rig);
    const gone = new AbortController();
    const params = { name: "fleet_run", arguments: { target: "a", command: "sleep 60" } };
    const asked = ask(rig.url, "/mcp", {
      method: "POST",
      headers: { ...keyed(), Accept: BOTH, "Content-Type": "application/json", "Mcp-Session-Id": session },
      body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params }),
      signal: gone.signal,
    }).catch(() => undefined);
    await eventually(() => rig.fleet.places === 1);
    gone.abort();
    await asked;
    await eventually(() => rig.fleet.places === 0);
    expect(await ping(rig, session)).toBe(200);
  });

  it("makes room by the caller's own session that was unused for longest, never by another caller's", async () => {
    const rig = await openRig({ sessions: { maxOfCaller: 2, maxInAll: 3, idleMs: 60_000 } });
    const [one, two, others] = [await begin(rig), await begin(rig), await begin(rig, "k2")];
    await ping(rig, one);
    const three = await begin(rig);
    expect([await ping(rig, one), await ping(rig, two), await ping(rig, three)]).toEqual([200, 404, 200]);
    expect(await ping(rig, others, "k2")).toBe(200);
    expect(rig.mcp.sessions).toBe(3);
  });

  it("is refused when all rooms are taken by sessions that are used", async () => {
    const rig = await openRig({ sessions: { maxOfCaller: 1, maxInAll: 8, idleMs: 60_000 } });
    const session = await begin(rig);
    const headers = { ...keyed(), Accept: BOTH, "Mcp-Session-Id": session };
    const stream = request(`${rig.url}/mcp`, { headers, agent: false });
    await new Promise((resolve) => stream.on("response", resolve).end());
    expect((await post(rig.url, INITIALIZE)).status).toBe(429);
    stream.on("error", () => undefined).destroy();
    await eventually(() => rig.mcp.sessions === 1);
    const again = async (): Promise<number> => (await post(rig.url, INITIALIZE)).status;
    let status = await again();
    // The server learns of the end of the stream a moment later.
    while (status === 429) status = await again();
    expect([status, await ping(rig, session)]).toEqual([200, 404]);
  });

  it("is forgotten when nobody has used it for long", async () => {
    const rig = await openRig({ sessions: { maxOfCaller: 8, maxInAll: 8, idleMs: 50 } });
    const session = await begin(rig);
    await eventually(() => rig.mcp.sessions === 0);
    expect(await ping(rig, session)).toBe(404);
  });

  it("does not begin with a request that the protocol does not allow", async () => {
    const rig = await openRig();
    const broken = await post(rig.url, INITIALIZE, { "Content-Type": "text/plain" });
    expect([broken.status, rig.mcp.sessions]).toEqual([415, 0]);
    const session = await begin(rig);
    expect((await post(rig.url, "no JSON", { "Mcp-Session-Id": session })).status).toBe(400);
  });

  it("begins no more when the gateway is about to stop, and ends its streams", async () => {
    const rig = await openRig();
    const session = await begin(rig);
    const headers = { ...keyed(), Accept: BOTH, "Mcp-Session-Id": session };
    const stream = ask(rig.url, "/mcp", { headers });
    await eventually(() => rig.mcp.sessions === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    rig.mcp.drain();
    expect((await stream).status).toBe(200);
    expect((await post(rig.url, INITIALIZE)).status).toBe(503);
    rig.mcp.stop();
    expect(rig.mcp.sessions).toBe(0);
  });
});
