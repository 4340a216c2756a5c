import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SyslogTarget } from "../../host/audit/settings.ts";
import { Sinks, type Sink } from "../../host/audit/sinks.ts";
import { SyslogSink } from "../../host/audit/syslog-sink.ts";
import { TelemetrySink } from "../../host/audit/telemetry-sink.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { decision, ending, Logs } from "./logs.ts";

const MESSAGE = /^<(\d+)>1 (\S+) (\S+) cmd2host (\d+) (\S+) - (\{.*\})$/s;

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A server that keeps what comes, and ends with the test. */
async function streamServer(where: number | string, onData: (chunk: Buffer) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", onData);
    socket.on("error", () => undefined);
  });
  server.listen(where);
  await once(server, "listening");
  atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return server;
}

/** What RFC 6587 puts a length before. */
function counted(bytes: Buffer): readonly string[] {
  const messages: string[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const space = rest.indexOf(" ");
    const length = Number(rest.toString("latin1", 0, space));
    messages.push(rest.toString("utf8", space + 1, space + 1 + length));
    rest = rest.subarray(space + 1 + length);
  }
  return messages;
}

/** Writes a decision, a denial and an outcome, and ends. Returns the lines of the log. */
async function copied(...sinks: Sink[]): Promise<{ readonly logs: Logs; readonly lines: readonly string[] }> {
  const logs = new Logs();
  const log = await logs.open(new Sinks(sinks));
  log.decided(decision());
  log.decided(
    decision({ verdict: "deny", code: "param_invalid", message: 'says "verdict":"permit"\n\u001b[2J<0>1 - - - - - -' }),
  );
  log.ended(ending());
  await log.close();
  return { logs, lines: logs.lines() };
}

describe("a copy", () => {
  it("is the whole chain: new files, what was pruned, the end and the next beginning", async () => {
    const lines: string[] = [];
    let isFull = false;
    let missed = 0;
    const sink: Sink = {
      name: "memory",
      send: (line) => {
        if (isFull) missed++;
        else lines.push(line);
      },
      takeDropped: () => {
        const now = missed;
        missed = 0;
        return now;
      },
      close: async () => Promise.resolve(),
    };
    const logs = new Logs({ maxFileBytes: 2_000, maxFiles: 2 });
    for (let start = 0; start < 2; start++) {
      const log = await logs.open(new Sinks([sink]));
      for (let count = 0; count < 20; count++) log.decided(decision());
      await log.close();
    }
    const records = lines.map((line) => JSON.parse(line) as { seq: number; prev: string; hash: string; note?: string });
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
    expect(records.slice(1).map(({ prev }) => prev)).toEqual(records.slice(0, -1).map(({ hash }) => hash));
    const notes = new Set(records.map(({ note }) => note));
    expect([...notes].sort()).toEqual(["pruned", "rotated", "started", "stopped", undefined]);
    // What is missed on closing is noted behind the end, and is no reason for a note of its own.
    const log = await logs.open(new Sinks([sink]));
    isFull = true;
    await log.close();
    const last = logs.notes().filter((note) => note !== "rotated" && note !== "pruned");
    expect(last.slice(-2)).toEqual(["stopped", "sink_dropped"]);
    expect(logs.records().at(-1)).toMatchObject({ sink: "memory", records: expect.any(Number) as unknown });
    expect((await logs.verify()).damage).toBeUndefined();
  });
});

describe("syslog", () => {
  const expectMessages = (messages: readonly string[], lines: readonly string[]): void => {
    const parsed = messages.map((message) => MESSAGE.exec(message) ?? []);
    expect(parsed.map(([, , , , , , text]) => text)).toEqual(lines);
    expect(parsed.map(([, priority, , , , kind]) => [priority, kind])).toEqual([
      ["109", "note"],
      ["110", "decision"],
      ["108", "decision"],
      ["110", "outcome"],
      ["109", "note"],
    ]);
    for (const [message = "", , time] of parsed) {
      expect(new Date(time ?? "").toISOString()).toBe(time);
      expect(message).not.toMatch(/[\n\r]/);
    }
  };

  it("gets each record as one datagram of RFC 5424", async () => {
    const receiver = createSocket("udp4");
    receiver.bind(0, "127.0.0.1");
    await once(receiver, "listening");
    atEnd(() => {
      receiver.close();
    });
    const messages: string[] = [];
    receiver.on("message", (bytes) => messages.push(bytes.toString("utf8")));
    const { lines } = await copied(
      new SyslogSink({ transport: "udp", place: "127.0.0.1", port: receiver.address().port }),
    );
    await expect.poll(() => messages.length).toBe(5);
    expectMessages(messages, lines);
  });

  it("gets them over TCP, each with its length before it", async () => {
    const chunks: Buffer[] = [];
    const server = await streamServer(0, (chunk) => chunks.push(chunk));
    const { lines } = await copied(new SyslogSink({ transport: "tcp", place: "127.0.0.1", port: portOf(server) }));
    await expect.poll(() => counted(Buffer.concat(chunks)).length).toBe(5);
    expectMessages(counted(Buffer.concat(chunks)), lines);
  });

  it("gets them over a Unix socket, a line each", async () => {
    const path = join(tempDirectory(), "syslog");
    const chunks: Buffer[] = [];
    await streamServer(path, (chunk) => chunks.push(chunk));
    const { lines } = await copied(new SyslogSink({ transport: "unix", place: path, port: 0 }));
    const messages = (): readonly string[] => Buffer.concat(chunks).toString("utf8").split("\n").slice(0, -1);
    await expect.poll(() => messages().length).toBe(5);
    expectMessages(messages(), lines);
  });

  it("gets what was waiting when it comes back", async () => {
    const path = join(tempDirectory(), "syslog");
    const sink = new SyslogSink({ transport: "unix", place: path, port: 0 });
    const logs = new Logs();
    const log = await logs.open(new Sinks([sink]));
    log.decided(decision());
    const chunks: Buffer[] = [];
    await new Promise((resolve) => setTimeout(resolve, 50)); // the first try has failed
    await streamServer(path, (chunk) => chunks.push(chunk));
    await expect.poll(() => Buffer.concat(chunks).toString("utf8").split("\n").length, { timeout: 10_000 }).toBe(3);
    await log.close();
    expect(logs.notes()).toEqual(["started", "stopped"]);
  });

  it.each<readonly [string, () => Promise<SyslogTarget>]>([
    ["is not there", async () => Promise.resolve({ transport: "unix", place: "/nonexistent/syslog", port: 0 })],
    [
      "never reads",
      async () => {
        const server = createServer((socket) => {
          socket.pause();
          atEnd(() => {
            socket.destroy();
          });
        });
        server.listen(0);
        await once(server, "listening");
        atEnd(() => {
          server.close();
        });
        return { transport: "tcp", place: "127.0.0.1", port: portOf(server) };
      },
    ],
  ])("that %s holds nobody up, and what it missed is noted", async (_, target) => {
    const sink = new SyslogSink(await target());
    const logs = new Logs();
    const log = await logs.open(new Sinks([sink]));
    const argv = ["x".repeat(2_000), "y".repeat(2_000), "z".repeat(2_000)];
    // 20 MB: more than any socket holds.
    for (let count = 0; count < 3_000; count++) {
      log.decided(decision({ id: `${count}`, argv }));
      if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    const dropped = logs.records().filter(({ note }) => note === "sink_dropped");
    expect(dropped.length).toBeGreaterThan(0);
    expect(dropped.every(({ sink: name, records }) => name === "syslog" && Number(records) > 0)).toBe(true);
    expect(logs.records().filter(({ kind }) => kind === "decision")).toHaveLength(3_000);
    expect((await logs.verify()).damage).toBeUndefined();
  });
});

interface OtlpLogs {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: object }[] };
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly body: { readonly stringValue: string };
        readonly severityText: string;
        readonly eventName: string;
        readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
      }[];
    }[];
  }[];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** A receiver of OTLP over HTTP that answers with a status, or never. */
async function collector(
  status: number | "never",
): Promise<{ readonly endpoint: string; readonly got: { readonly key: unknown; readonly body: OtlpLogs }[] }> {
  const got: { key: unknown; body: OtlpLogs }[] = [];
  const server = createHttpServer((request, response) => {
    void bodyOf(request).then((body) => {
      got.push({ key: request.headers["x-key"], body: JSON.parse(body) as OtlpLogs });
      if (status !== "never") response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${portOf(server)}/v1/logs`, got };
}

describe("OpenTelemetry", () => {
  it("gets each record as a log whose body is the record's line", async () => {
    const { endpoint, got } = await collector(200);
    const { lines } = await copied(new TelemetrySink({ endpoint, headers: { "x-key": "k" } }, "1.2.3"));
    const sent = got.flatMap(({ body }) =>
      body.resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
    );
    expect(sent.map(({ body }) => body.stringValue)).toEqual(lines);
    expect(sent.map(({ severityText, eventName }) => [severityText, eventName])).toEqual([
      ["INFO", "cmd2host.audit.note"],
      ["INFO", "cmd2host.audit.decision"],
      ["WARN", "cmd2host.audit.decision"],
      ["INFO", "cmd2host.audit.outcome"],
      ["INFO", "cmd2host.audit.note"],
    ]);
    const attributes = new Map(sent[1]?.attributes.map(({ key, value }) => [key, value.stringValue]));
    expect(attributes.get("cmd2host.operation")).toBe("gh_pr_view");
    expect(JSON.stringify(got[0]?.body.resourceLogs[0]?.resource)).toContain('"cmd2host"');
    expect(got.map(({ key }) => key)).toEqual(got.map(() => "k"));
  });

  it.each([
    ["refuses", 400],
    ["never answers", "never"],
  ] as const)(
    "that %s holds nobody up, and what it missed is noted",
    async (_, status) => {
      const { endpoint } = await collector(status);
      const sink = new TelemetrySink({ endpoint, headers: {} }, "1");
      const logs = new Logs();
      const log = await logs.open(new Sinks([sink]));
      for (let count = 0; count < 3_000; count++) log.decided(decision({ id: `${count}` }));
      await log.close();
      const dropped = logs.records().filter(({ note }) => note === "sink_dropped");
      expect(dropped.reduce((sum, { records }) => sum + Number(records), 0)).toBe(3_002);
      expect((await logs.verify()).damage).toBeUndefined();
    },
    20_000,
  );
});
