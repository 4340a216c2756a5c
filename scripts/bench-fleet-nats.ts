/** For bench-fleet.ts: the same over a cluster of three servers of NATS, on ports of loopback. Gateway and agent are connected to two of them. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { latencyRow, mb, times, type Row } from "./bench-figures.ts";
import {
  agentBase,
  bothWays,
  cli,
  enrol,
  freePort,
  GIGABYTE,
  running,
  scratch,
  serve,
  startGateway,
  streamed,
  type Place,
} from "./bench-fleet-scene.ts";

/** When a server is killed. */
const MIDDLE = GIGABYTE / 2;

interface Node {
  readonly address: string;
  readonly child: ChildProcess;
}

async function startCluster(): Promise<readonly [Node, Node, Node]> {
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const routes = ports.slice(3).map((port) => `"nats://127.0.0.1:${port}"`);
  const nodes = [0, 1, 2].map((index) => {
    const directory = join(scratch, `nats${index}`);
    mkdirSync(directory);
    const text = [
      `server_name: nats${index}`,
      `listen: "127.0.0.1:${ports[index] ?? 0}"`,
      `cluster: { name: fleet, listen: "127.0.0.1:${ports[index + 3] ?? 0}", routes: [${routes.join(", ")}] }`,
    ];
    writeFileSync(join(directory, "nats.conf"), text.join("\n"));
    const child = spawn("nats-server", ["-c", join(directory, "nats.conf")], { stdio: "ignore" });
    running.push(child);
    return { address: `nats://127.0.0.1:${ports[index] ?? 0}`, child };
  });
  const [first, second, third] = nodes;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three servers are needed");
  return [first, second, third];
}

/** 1 GB of log lines; what arrives is compared with what was sent. @param middle called once, when half of it is there */
async function stream(place: Place, sent: string, what: string, middle: () => void = () => undefined): Promise<Row> {
  const hash = createHash("sha256");
  let left = MIDDLE;
  const {
    bytes,
    mbPerSecond: rate,
    growth,
  } = await streamed(place, "far", "text", (chunk) => {
    hash.update(chunk);
    if (left > 0 && left <= chunk.length) middle();
    left -= chunk.length;
  });
  if (hash.digest("hex") !== sent) throw new Error(`${what}: other bytes arrived than were sent`);
  return {
    what,
    measured: `${rate.toFixed(0)} MB/s, gateway +${mb(growth)}`,
    reference: "every byte compared by SHA-256",
    ratio: "",
    figures: { mb_per_s: rate, gateway_growth_mb: growth, bytes },
  };
}

/** Of what the operation `text` sends. */
async function digestOfLog(): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(`${scratch}/log`, { end: GIGABYTE - 1 }), hash);
  return hash.digest("hex");
}

/** No rows where there is no nats-server. */
export async function overNats(quick: boolean): Promise<readonly Row[]> {
  if (spawnSync("nats-server", ["--version"]).status !== 0) return [];
  const [first, second] = await startCluster();
  const place = await startGateway("over-nats", `[nats]\nname = "gw"\nservers = ["${first.address}"]\n`);
  const { base } = await agentBase("far", { listen: false, nats: { servers: [second.address] } });
  serve(base, [cli, "agent"]);
  await enrol(place, base, "far");
  const samples = await bothWays(place, base, "far", quick);
  const sent = await digestOfLog();
  const quiet = await stream(place, sent, "1 GB of log lines over three servers of NATS");
  const killed = await stream(place, sent, "the same, with the agent's server killed at the half", () => {
    second.child.kill("SIGKILL");
  });
  const [whole = 0, cut = 0] = [quiet, killed].map(({ figures }) => figures["mb_per_s"]);
  return [
    latencyRow(
      "`true` over three servers of NATS, p50 / p99",
      samples.of("remote").slice(20),
      samples.of("local").slice(20),
      "the agent's own daemon",
    ),
    quiet,
    { ...killed, ratio: times(cut / whole) },
  ];
}
