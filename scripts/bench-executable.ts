/** The daemon as executable beside the daemon on Node: two daemons that take turns, and one client for both. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonClient } from "../wire/client.ts";
import { callOperations, runOperation } from "./bench-calls.ts";
import { BenchDaemon } from "./bench-daemon.ts";
import { latencyRow, mb, median, ms, repeated, Samples, times, type Effort, type Row } from "./bench-figures.ts";

const PARALLEL = 16;
const STARTS = 7;

interface Contender {
  readonly daemon: BenchDaemon;
  readonly client: DaemonClient;
}

function contender(program: string, base: string): Contender {
  mkdirSync(base);
  const daemon = new BenchDaemon(program, base, process.env["PATH"] ?? "");
  const token = daemon.project("owner_repo", { operations: callOperations });
  return { daemon, client: new DaemonClient(daemon.unix, token) };
}

/** Runs per second when so many clients run one after the other each. */
async function throughput(client: DaemonClient, total: number): Promise<number> {
  const started = performance.now();
  const each = Math.ceil(total / PARALLEL);
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let count = 0; count < each; count++) await runOperation(client, "true");
    }),
  );
  return (each * PARALLEL * 1_000) / (performance.now() - started);
}

/** Bytes of everything that is installed: one file, or the bundles of both programs. */
function sizeOf(program: string): number {
  if (!program.endsWith(".js")) return statSync(program).size;
  const dist = join(program, "..");
  const files = readdirSync(dist).filter((name) => name.endsWith(".js"));
  return files.reduce((sum, name) => sum + statSync(join(dist, name)).size, 0);
}

function besides(what: string, ours: number, node: number, show: (value: number) => string, unit: string): Row {
  return {
    what: `executable: ${what}`,
    measured: show(ours),
    reference: `Node: ${show(node)}`,
    ratio: times(ours / node),
    figures: { [unit]: ours, [`reference_${unit}`]: node },
  };
}

/**
 * Rows of the executable with the same program on Node as reference.
 * @param base an empty directory
 */
export async function executableRows(
  executable: string,
  bundle: string,
  base: string,
  effort: Effort,
): Promise<readonly Row[]> {
  const [ours, node] = [contender(executable, join(base, "e")), contender(bundle, join(base, "n"))];
  const both = [
    ["ours", ours],
    ["node", node],
  ] as const;
  const samples = new Samples();
  try {
    for (let round = 0; round < STARTS; round++) {
      for (const [name, { daemon }] of both) {
        await daemon.stop();
        samples.add(`start ${name}`, await daemon.start({ listen_mode: "unix" }));
      }
    }
    await sleep(1_000);
    for (const [name, { daemon }] of both) samples.add(`idle ${name}`, daemon.memory());
    for (const [, { client }] of both) await repeated(effort.perRound, async () => runOperation(client, "true"));
    for (let round = 0; round < effort.rounds; round++) {
      for (const [name, { client }] of both) {
        samples.add(`true ${name}`, ...(await repeated(effort.perRound, async () => runOperation(client, "true"))));
        samples.add(`parallel ${name}`, await throughput(client, effort.total / 4));
      }
    }
    for (const [name, { daemon }] of both) samples.add(`busy ${name}`, daemon.memory());
  } finally {
    for (const [, { daemon }] of both) await daemon.stop();
  }
  const pair = (what: string): readonly [number, number] => [
    median(samples.of(`${what} ours`)),
    median(samples.of(`${what} node`)),
  ];
  return [
    latencyRow(
      "executable: run true, Unix socket, p50 / p99",
      samples.of("true ours"),
      samples.of("true node"),
      "Node",
    ),
    besides(`run true, ${PARALLEL} clients`, ...pair("parallel"), (value) => `${value.toFixed(0)} /s`, "per_second"),
    besides("start to listening", ...pair("start"), ms, "ms"),
    besides("idle memory (RSS, with the mapped program)", ...pair("idle"), mb, "mb"),
    besides("memory after these runs", ...pair("busy"), mb, "mb"),
    besides("size", sizeOf(executable) / 1e6, sizeOf(bundle) / 1e6, mb, "mb"),
  ];
}
