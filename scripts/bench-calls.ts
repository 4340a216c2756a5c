/** Measurements of single requests and replies, beside a program of the same runtime that only spawns or only answers. */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DaemonClient, type Address } from "../wire/client.ts";
import type { ProjectConfig } from "../wire/schema.ts";
import { freePort, hasProc, memoryOf, type BenchDaemon } from "./bench-daemon.ts";
import { latencyRow, mb, ms, repeated, Samples, timed, times, type Effort, type Row } from "./bench-figures.ts";

const spawnerFile = join(dirname(fileURLToPath(import.meta.url)), "bench-spawner.mjs");
const PARALLEL = 16;
const GIGABYTE = 1_000_000_000;

const shell = (script: string): { command: string; args_template: string[] } => ({
  command: "/bin/sh",
  args_template: ["-c", script],
});

/** What the measurements of this file run. */
export const callOperations = {
  true: { command: "/bin/true" },
  kilobytes: shell("yes abcdefg | head -c 900000"),
  gigabyte: { ...shell(`yes abcdefg | head -c ${GIGABYTE}`), timeout: 120 },
} as const satisfies ProjectConfig["operations"];

/** A program that does nothing but spawn `true` when told to; it stands for the daemon's runtime without the daemon. */
export class Spawner {
  readonly #child: ChildProcess;

  constructor(env: Readonly<Record<string, string>>) {
    this.#child = fork(spawnerFile, { env, execArgv: [] });
  }

  /** Resident memory in MB; NaN where it cannot be seen. */
  memory(): number {
    return hasProc ? memoryOf(this.#child.pid ?? 0, "VmRSS") : Number.NaN;
  }

  /** How long each took, in milliseconds. */
  async spawns(count: number, parallel: number): Promise<readonly number[]> {
    return (await this.#told({ count, parallel })) as readonly number[];
  }

  /** Lets it answer every connection with a fixed reply: what the transport between two processes costs by itself. */
  async echo(addresses: readonly Address[], reply: string): Promise<void> {
    const echo = addresses.map((address) => (address.kind === "unix" ? { path: address.path } : address));
    await this.#told({ echo, reply });
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async #told(order: object): Promise<unknown> {
    return new Promise((resolve) => {
      this.#child.once("message", resolve);
      this.#child.send(order);
    });
  }
}

export async function runOperation(
  client: DaemonClient,
  operation: string,
  params: Readonly<Record<string, string>> = {},
): Promise<void> {
  const reply = await client.run({ operation, params }, { timeoutMs: 180_000 });
  if (reply.exit_code !== 0) throw new Error(`${operation}: ${reply.denied_reason ?? reply.stderr}`);
}

async function list(client: DaemonClient): Promise<void> {
  const reply = await client.list("");
  if (reply.error !== undefined) throw new Error(reply.error);
}

interface Clients {
  readonly unix: DaemonClient;
  readonly tcp: DaemonClient;
}

async function latencies(clients: Clients, echoes: Clients, spawner: Spawner, effort: Effort): Promise<readonly Row[]> {
  const { rounds, perRound } = effort;
  const samples = new Samples();
  for (let round = 0; round <= rounds; round++) {
    const warmUp = round === 0;
    for (const kind of ["unix", "tcp"] as const) {
      const listed = await repeated(perRound * 2, async () => list(clients[kind]));
      const echoed = await repeated(perRound * 2, async () => list(echoes[kind]));
      const ran = await repeated(perRound, async () => runOperation(clients[kind], "true"));
      const relayed = await repeated(perRound, async () => runOperation(echoes[kind], "true"));
      if (warmUp) continue;
      samples.add(`list ${kind}`, ...listed);
      samples.add(`echo ${kind}`, ...echoed);
      samples.add(`run ${kind}`, ...ran);
      samples.add(`relayed ${kind}`, ...relayed);
    }
    const spawned = await spawner.spawns(perRound, 1);
    if (!warmUp) samples.add("spawn", ...spawned);
  }
  const row = (what: string, own: string, other: string, name: string): Row =>
    latencyRow(what, samples.of(own), samples.of(other), name);
  return [
    row("list, Unix socket, p50 / p99", "list unix", "echo unix", "echo"),
    row("list, TCP, p50 / p99", "list tcp", "echo tcp", "echo"),
    row("run true, Unix socket, p50 / p99", "run unix", "spawn", "bare spawn"),
    row("run true, TCP, p50 / p99", "run tcp", "spawn", "bare spawn"),
    row("the same, Unix socket", "run unix", "relayed unix", "bare spawn behind such a socket"),
    row("the same, TCP", "run tcp", "relayed tcp", "bare spawn behind such a socket"),
  ];
}

/** Operations per second of several clients, each with one request at a time. */
async function rate(total: number, work: () => Promise<unknown>): Promise<number> {
  const each = Math.ceil(total / PARALLEL);
  const taken = await timed(async () =>
    Promise.all(Array.from({ length: PARALLEL }, async () => repeated(each, work))),
  );
  return (each * PARALLEL * 1_000) / taken;
}

async function rates(clients: Clients, spawner: Spawner, total: number): Promise<readonly Row[]> {
  const bareMs = await timed(async () => spawner.spawns(total, PARALLEL));
  const bare = (total * 1_000) / bareMs;
  const rows: Row[] = [];
  for (const kind of ["unix", "tcp"] as const) {
    const measured = await rate(total, async () => runOperation(clients[kind], "true"));
    rows.push({
      what: `run true, ${PARALLEL} clients, ${kind}`,
      measured: `${measured.toFixed(0)} /s`,
      reference: `bare spawn, ${PARALLEL} at a time: ${bare.toFixed(0)} /s`,
      ratio: times(measured / bare),
      figures: { per_second: measured, reference_per_second: bare },
    });
  }
  return rows;
}

/**
 * @param port the daemon's
 * @param token of a project with the operations above
 */
export async function callRows(
  daemon: BenchDaemon,
  port: number,
  token: string,
  spawner: Spawner,
  effort: Effort,
): Promise<readonly Row[]> {
  const tcp: Address = { kind: "tcp", host: "127.0.0.1", port };
  const clients: Clients = { unix: new DaemonClient(daemon.unix, token), tcp: new DaemonClient(tcp, token) };
  const echoUnix: Address = { kind: "unix", path: `${daemon.base}/echo.sock` };
  const echoTcp: Address = { kind: "tcp", host: "127.0.0.1", port: await freePort() };
  await spawner.echo([echoUnix, echoTcp], JSON.stringify(await clients.unix.list("")));
  const echoes: Clients = { unix: new DaemonClient(echoUnix, token), tcp: new DaemonClient(echoTcp, token) };
  return [...(await latencies(clients, echoes, spawner, effort)), ...(await rates(clients, spawner, effort.total))];
}

async function outputRow(
  daemon: BenchDaemon,
  client: DaemonClient,
  what: string,
  operation: "kilobytes" | "gigabyte",
): Promise<Row> {
  const [, script] = callOperations[operation].args_template;
  const bare = await timed(async () => {
    const child = spawn("/bin/sh", ["-c", `${script ?? ""} | cat >/dev/null`], { stdio: "ignore" });
    return new Promise((resolve) => child.once("exit", resolve));
  });
  let taken = 0;
  const growth = await daemon.growth(async () => {
    taken = await timed(async () => runOperation(client, operation));
  });
  return {
    what,
    measured: `${ms(taken)}, grows ${mb(growth)}`,
    reference: `same pipeline to /dev/null: ${ms(bare)}`,
    ratio: times(taken / bare),
    figures: { ms: taken, growth_mb: growth, reference_ms: bare },
  };
}

/** Replies that carry all of a program's output, or as much as the cap lets through. */
export async function outputRows(daemon: BenchDaemon, token: string): Promise<readonly Row[]> {
  const client = new DaemonClient(daemon.unix, token);
  return [
    await outputRow(daemon, client, "900 KB of output", "kilobytes"),
    await outputRow(daemon, client, "1 GB of output, cap 1 MiB", "gigabyte"),
  ];
}
