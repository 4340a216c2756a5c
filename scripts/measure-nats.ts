/**
 * What a connection over NATS costs, through one real server on loopback, with its two ends in processes of their own:
 * `npx tsx scripts/measure-nats.ts`. Needs Debian's nats-server.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { NatsClient } from "../nats/client.ts";
import type { ConnectionOptions } from "../nats/connection-options.ts";
import { dial } from "../nats/dial.ts";
import { listen } from "../nats/listen.ts";

const MEGABYTES = Number(process.env["MEGABYTES"] ?? 500);
const PINGS = 2_000;
/** `OPTIONS='{"maxWindow":1048576}'` for instance. */
const OPTIONS: ConnectionOptions = {
  allowHalfOpen: true,
  ...(JSON.parse(process.env["OPTIONS"] ?? "{}") as ConnectionOptions),
};

function rss(): string {
  return `${Math.round(process.memoryUsage.rss() / 1e6)} MB`;
}

async function connected(port: string, name: string): Promise<NatsClient> {
  return NatsClient.connect({ servers: [`127.0.0.1:${port}`], name }, AbortSignal.timeout(10_000));
}

/** The other end: gives back what comes, until "sink" is asked for. */
async function echo(port: string): Promise<void> {
  const nats = await connected(port, "machine");
  listen(
    nats,
    "machine",
    (connection) => {
      let bytes = 0;
      let isSink = false;
      const start = rss();
      let top = 0;
      connection.on("error", (error) => {
        console.error(error.message);
      });
      connection.on("data", (chunk: Buffer) => {
        if (!isSink && chunk.length !== 64) isSink = true;
        if (!isSink) {
          connection.write(chunk);
          return;
        }
        bytes += chunk.length;
        top = Math.max(top, process.memoryUsage.rss());
      });
      connection.on("end", () => {
        connection.end(JSON.stringify({ bytes, start, top: `${Math.round(top / 1e6)} MB` }));
      });
    },
    undefined,
    OPTIONS,
  );
  await nats.connection.flush();
  process.send?.("ready");
}

async function measure(port: string): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ["echo", port], { execArgv: process.execArgv });
  await once(child, "message");
  const nats = await connected(port, "gateway");
  const started = performance.now();
  const connection = await dial(nats, "machine", AbortSignal.timeout(10_000), OPTIONS);
  console.log(`connected in ${(performance.now() - started).toFixed(1)} ms`);
  const word = Buffer.alloc(64, 1);
  const times: number[] = [];
  for (let count = 0; count < PINGS; count++) {
    const at = performance.now();
    connection.write(word);
    await once(connection, "data");
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string => (times[Math.floor(times.length * part)] ?? 0).toFixed(3);
  console.log(`${PINGS} times 64 bytes there and back: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  const block = Buffer.alloc(256 * 1024, 2);
  const before = rss();
  let top = 0;
  const from = performance.now();
  for (let sent = 0; sent < MEGABYTES * 1e6; sent += block.length) {
    if (!connection.write(block)) await once(connection, "drain");
    top = Math.max(top, process.memoryUsage.rss());
  }
  connection.end();
  const [answer] = (await once(connection, "data")) as [Buffer];
  const seconds = (performance.now() - from) / 1000;
  console.log(`${MEGABYTES} MB one way: ${(MEGABYTES / seconds).toFixed(0)} MB/s`);
  console.log(
    `RSS of the sender: ${before} before, ${Math.round(top / 1e6)} MB at most; receiver: ${answer.toString()}`,
  );
  child.kill();
  await nats.close();
}

const [role = "", given = ""] = process.argv.slice(2);
if (role === "echo") await echo(given);
else {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  const port = String(typeof address === "object" ? address?.port : 0);
  const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", port], { stdio: "ignore" });
  try {
    await measure(port);
  } finally {
    server.kill();
  }
}
