import { readFileSync } from "node:fs";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { GatewayClient } from "../../host/fleet/gateway-client.ts";
import { Gathered } from "../contract/routes.ts";
import { ADMIN_KEY, READER_KEY, startAgent, startFleet, type Fleet } from "../fixtures/fleet.ts";
import { atEnd } from "../fixtures/temp.ts";
import { selfSigned } from "./self-signed.ts";

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet({ web1: { tags: ["web"] }, far: { dials: true } });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A client of something that answers as the test says. */
async function clientOf(answer: RequestListener): Promise<GatewayClient> {
  const port = await listening(createHttp(answer));
  return new GatewayClient({ url: new URL(`http://127.0.0.1:${port}`), key: "k" });
}

/** A client of something that says these bytes and closes, or says nothing. */
async function clientOfBytes(bytes: string | undefined): Promise<GatewayClient> {
  const open = new Set<Socket>();
  const port = await listening(
    createServer((socket) => {
      open.add(socket);
      socket.on("error", () => undefined);
      if (bytes !== undefined) socket.end(bytes);
    }),
  );
  atEnd(() => {
    for (const socket of open) socket.destroy();
  });
  return new GatewayClient({ url: new URL(`http://127.0.0.1:${port}`), key: "k" });
}

async function run(client: GatewayClient, target: string, command: string) {
  const output = new Gathered();
  const outcome = await client.on(target).stream({ operation: "shell", params: { command } }, { output });
  return { outcome, stdout: output.text("stdout") };
}

describe("a gateway as its callers see it", () => {
  it.each(["web1", "far"])("runs operations on a machine, whichever side dialled: %s", async (name) => {
    const { outcome, stdout } = await run(fleet.gateway.client(), name, "echo hi; exit 3");
    expect(stdout).toBe("hi\n");
    expect(outcome).toMatchObject({ outcome: "completed", exit_code: 3, stdout_bytes: 3 });
    // Timings are for whoever asks.
    expect(outcome).not.toHaveProperty("timings");
  });

  it("says where the time went to whoever asks, hop by hop", async () => {
    const output = new Gathered();
    const request = { operation: "shell", params: { command: "true" } };
    const { timings = {} } = await fleet.gateway.client().on("web1").stream(request, { output, profile: true });
    expect(Object.keys(timings).sort()).toEqual([
      ...["agent_decide", "agent_run", "gateway_admit", "gateway_relay", "link_accepted", "link_open"],
    ]);
    expect(timings["gateway_relay"]).toBeGreaterThanOrEqual(timings["agent_run"] ?? Infinity);
  });

  it("tells when there is a connection", async () => {
    let connected = 0;
    await fleet.gateway
      .client()
      .on("web1", () => connected++)
      .list("");
    expect(connected).toBe(1);
  });

  it("asks over HTTP, and is told what the gateway says", async () => {
    const client = fleet.gateway.client();
    expect(await client.ask("GET", "/v2/targets?name=web1")).toMatchObject({
      status: 200,
      body: { targets: [{ name: "web1", tags: ["web"] }] },
    });
    await expect(client.ask("GET", "/v2/ping/nobody")).rejects.toMatchObject({
      code: "target_unknown",
      message: 'there is no target "nobody"',
      hint: "List the targets with `cmd2host targets`.",
    });
    await expect(fleet.gateway.client(READER_KEY).ask("GET", "/v2/gateway")).rejects.toMatchObject({
      code: "caller_not_allowed",
    });
  });

  it("is a failure, and no denial, when it cannot be asked which operation a command line means", async () => {
    const agent = await startAgent(fleet.gateway, "gone", { agent: { lease: 1 } });
    await agent.stop();
    const request = { argv: ["uptime"] };
    const outcome = await fleet.gateway.client().on("gone").stream(request, { output: new Gathered() });
    expect(outcome).toMatchObject({ outcome: "failed", code: expect.stringMatching(/^target_|^link_/) as string });
  });

  it("records that a run in the background was denied", async () => {
    const client = fleet.gateway.client().on("web1");
    expect(await client.start({ operation: "nothing" })).toMatchObject({ kind: "refused" });
    const ended = fleet.gateway.lines.filter(({ event }) => event !== "permitted").at(-1);
    expect(ended).toMatchObject({ fields: { code: expect.stringMatching(/^operation_/) as string } });
  });

  it("does not take a key that nobody has, for either way in", async () => {
    const client = fleet.gateway.client("nobody has this");
    await expect(client.ask("GET", "/v2/targets")).rejects.toMatchObject({ code: "gateway_refused" });
    await expect(run(client, "web1", "true")).rejects.toMatchObject({ code: "gateway_refused" });
  });
});

describe("what is no gateway", () => {
  it("is said when nobody listens", async () => {
    const client = new GatewayClient({ url: new URL("http://127.0.0.1:1"), key: "k" });
    const unreachable = { code: "gateway_unreachable", message: expect.stringContaining("ECONNREFUSED") as string };
    await expect(client.ask("GET", "/")).rejects.toMatchObject(unreachable);
    await expect(run(client, "web1", "true")).rejects.toMatchObject(unreachable);
  });

  it.each([
    ["a page", "200 OK", "<html>", "is no gateway of cmd2host"],
    ["something that is missing", "404 Not Found", "", "the gateway answers 404: HTTP 404"],
    ["a proxy that has no gateway behind it", "502 Bad Gateway", "bad\u0007gateway", "answers 502: bad\\agateway"],
    ["a code that nobody knows", "400 Bad Request", '{"error":"no","code":"new_code"}', "the gateway answers 400: no"],
  ])("is said when there is %s", async (_, status, body, message) => {
    const head = `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
    const client = await clientOfBytes(head + body);
    await expect(run(client, "web1", "true")).rejects.toMatchObject({
      code: "gateway_unreachable",
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    ["nothing", ""],
    ["half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"],
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
  ])("is said when %s comes", async (_, bytes) => {
    const client = await clientOfBytes(bytes);
    await expect(client.ask("GET", "/v2/targets")).rejects.toMatchObject({ code: "gateway_unreachable" });
  });

  it("says a code and a hint that the gateway gives, made harmless", async () => {
    const client = await clientOf((_request, response) => {
      response
        .writeHead(409)
        .end(JSON.stringify({ error: "\u001b[2Jthere", code: "target_exists", hint: "x".repeat(9_999) }));
    });
    await expect(client.ask("POST", "/v2/targets", { name: "x" })).rejects.toMatchObject({
      code: "target_exists",
      message: "\\x1b[2Jthere",
      hint: expect.stringMatching(/^x{900}x*… \(\d+ more bytes\)$/) as string,
    });
  });

  it("is not read without end", async () => {
    const client = await clientOf((_request, response) => {
      const block = Buffer.alloc(1_048_576, " ");
      const go = (): void => {
        while (!response.destroyed && response.write(block));
      };
      response.on("drain", go);
      go();
    });
    await expect(client.ask("GET", "/")).rejects.toMatchObject({ message: "the gateway's answer is too long" });
  });
});

describe("a caller that changes its mind", () => {
  it.each([
    [
      "before anything was sent",
      async (client: GatewayClient, signal: AbortSignal) => client.ask("GET", "/", undefined, signal),
    ],
    [
      "while it waits for a connection of its own",
      async (client: GatewayClient, signal: AbortSignal) =>
        client.on("x").stream({ operation: "shell" }, { output: new Gathered(), signal }),
    ],
  ])("is left alone %s", async (_, ask) => {
    const client = await clientOfBytes(undefined);
    const stop = new AbortController();
    const asked = ask(client, stop.signal);
    setImmediate(() => {
      stop.abort();
    });
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    await expect(ask(client, stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  });

  it("is left alone in the middle of an answer", async () => {
    const stop = new AbortController();
    const client = await clientOf((_request, response) => {
      response.writeHead(200);
      response.write("{");
      setTimeout(() => {
        stop.abort();
      }, 20);
    });
    await expect(client.ask("GET", "/", undefined, stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("a gateway behind TLS", () => {
  it("has to have a certificate that the system trusts", async () => {
    const { key, cert } = selfSigned();
    const server = createHttps({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
      response.end("{}");
    });
    const port = await listening(server);
    const client = new GatewayClient({ url: new URL(`https://127.0.0.1:${port}`), key: ADMIN_KEY });
    await expect(client.ask("GET", "/")).rejects.toMatchObject({
      code: "gateway_unreachable",
      message: expect.stringMatching(/SELF_SIGNED|self-signed/) as string,
    });
  });
});
