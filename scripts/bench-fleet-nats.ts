/** For bench-fleet.ts: the same over a cluster of three servers of NATS, on ports of loopback. Gateway and agent are connected to two of them. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { DaemonClient } from "../wire/client.ts";
import { latencyRow, mb, repeated, Samples, timed, times, type Row } from "./bench-figures.ts";
import {
  agentBase,
  cli,
  cmd2host,
  enrol,
  freePort,
  GIGABYTE,
  memory,
  running,
  scratch,
  serve,
  startGateway,
  type Place,
} from "./bench-fleet-scene.ts";

const SILENT = { output: { write: () => undefined } };
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
async function stream(place: Place, sent: string, what: string, middle?: () => void): Promise<Row> {
  const hash = createHash("sha256");
  let bytes = 0;
  let isPast = false;
  const before = memory(place.child.pid);
  let exit: number | undefined;
  const took = await timed(async () => {
    const outcome = await place.client.on("far").stream(
      { operation: "text" },
      {
        output: {
          write: (_stream, chunk) => {
            bytes += chunk.length;
            hash.update(chunk);
            if (bytes >= MIDDLE && !isPast) {
              isPast = true;
              middle?.();
            }
            return undefined;
          },
        },
      },
    );
    exit = outcome.exit_code;
  });
  if (exit !== 0 || hash.digest("hex") !== sent) throw new Error(`${what}: exit ${String(exit)} after ${bytes} bytes`);
  const growth = memory(place.child.pid).most - before.now;
  const rate = bytes / 1_000 / took;
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
  const token = /[0-9a-f]{64}/.exec(cmd2host(base, "token", "mint", "--project=machine"))?.[0] ?? "";
  const local = new DaemonClient({ kind: "unix", path: join(base, "cmd2host.sock") }, token);
  const remote = place.client.on("far");
  const samples = new Samples();
  for (let round = 0; round < (quick ? 3 : 12); round++) {
    const count = quick ? 10 : 40;
    samples.add("local", ...(await repeated(count, async () => local.stream({ operation: "true" }, SILENT))));
    samples.add("remote", ...(await repeated(count, async () => remote.stream({ operation: "true" }, SILENT))));
  }
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
