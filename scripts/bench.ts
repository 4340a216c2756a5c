/**
 * Measures the real daemon beside bare references, in one run, and prints one table. `--json` prints the figures instead; `--quick` takes fewer samples.
 * References: a spawn of `true` from an empty program of the same runtime; an echo of as many bytes between two such programs over the same kind of socket; the same pipeline in a shell.
 */
import { execFileSync, fork, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { DaemonClient, type Address } from "../wire/client.ts";
import type { ProjectConfig } from "../wire/schema.ts";
import { preparePush } from "./bench-push.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const program = join(root, "dist/cmd2host.js");
const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 3 : 12;
const PER_ROUND = quick ? 20 : 60;
const PARALLEL = 16;
const PARALLEL_TOTAL = quick ? 160 : 960;
const GIGABYTE = 1_000_000_000;

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly reference: string;
  readonly ratio: string;
  readonly figures: Readonly<Record<string, number>>;
}

function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Resident memory of a process in MB: now, or at its peak since the last reset. */
function memory(pid: number, field: "VmRSS" | "VmHWM"): number {
  const match = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? Number.NaN) / 1_024;
}

function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

const canReadMemory = process.platform === "linux";

// --- set-up ---

const base = mkdtempSync(join(tmpdir(), "c2h-bench-"));
const repo = join(base, "repo");
const port = await freePort();
const history = preparePush(base);
const environment = { PATH: history.path, HOME: base, CMD2HOST_CONFIG_DIR: base };

function cli(...args: readonly string[]): string {
  return execFileSync(process.execPath, [program, ...args], { env: environment, encoding: "utf8" });
}

function prepare(): string {
  mkdirSync(repo);
  for (const args of [
    ["init", "-q"],
    ["remote", "add", "origin", "git@github.com:owner/repo.git"],
  ])
    execFileSync("git", args, { cwd: repo });
  const shell = (script: string): { command: string; args_template: string[] } => ({
    command: "/bin/sh",
    args_template: ["-c", script],
  });
  const config: ProjectConfig = {
    repos: ["owner/repo"],
    repo_paths: [repo],
    allowed_operations: ["true", "kilobytes", "gigabyte"],
    operations: {
      true: { command: "/bin/true" },
      kilobytes: shell("yes abcdefg | head -c 900000"),
      gigabyte: { ...shell(`yes abcdefg | head -c ${GIGABYTE}`), timeout: 120 },
    },
  };
  const directory = join(base, "projects/owner_repo");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "config.json"), JSON.stringify(config), { mode: 0o600 });
  writeFileSync(join(base, "daemon.json"), JSON.stringify({ listen_port: port }), { mode: 0o600 });
  const pushing = join(base, "projects/history");
  mkdirSync(pushing, { recursive: true, mode: 0o700 });
  const pushConfig: ProjectConfig = {
    repos: ["owner/repo"],
    repo_paths: [history.repo],
    constraints: { branch_allow: ["ai/.+"] },
    allowed_operations: ["push", "status"],
    operations: {
      status: { command: "git", args_template: ["status", "--short"] },
      push: { command: "git", args_template: ["push", "{expected_git_url}", "HEAD:refs/heads/ai/ours"], timeout: 120 },
    },
  };
  writeFileSync(join(pushing, "config.json"), JSON.stringify(pushConfig), { mode: 0o600 });
  cli("config", "allow", "owner_repo");
  cli("config", "allow", "history");
  return cli("token", "mint", "--project", "owner_repo").trim();
}

const unix: Address = { kind: "unix", path: join(base, "cmd2host.sock") };
const tcp: Address = { kind: "tcp", host: "127.0.0.1", port };

async function reachable(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket =
      address.kind === "unix" ? createConnection(address.path) : createConnection(address.port, address.host);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

async function startDaemon(): Promise<{ readonly child: ChildProcess; readonly ms: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, [program, "serve"], {
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await reachable(unix))) await sleep(2);
  return { child, ms: performance.now() - started };
}

async function stopDaemon(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exit;
}

// --- references ---

/** A program that does nothing but spawn `true` when told to; it stands for the daemon's runtime without the daemon. */
const spawner = fork(join(root, "scripts/bench-spawner.mjs"), { env: environment, execArgv: [] });
async function bareSpawns(count: number, parallel: number): Promise<readonly number[]> {
  return new Promise((resolve) => {
    spawner.once("message", (message) => {
      resolve(message as number[]);
    });
    spawner.send({ count, parallel });
  });
}

/** Lets the same program answer every connection with a fixed reply: what the transport between two processes costs by itself. */
async function startEcho(addresses: readonly Address[], reply: string): Promise<void> {
  await new Promise((resolve) => {
    spawner.once("message", resolve);
    spawner.send({ echo: addresses, reply });
  });
}

// --- measuring ---

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function repeated(count: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) samples.push(await timed(work));
  return samples;
}

/** Operations per second of several clients, each with one request at a time. */
async function rate(total: number, work: () => Promise<unknown>): Promise<number> {
  const each = Math.ceil(total / PARALLEL);
  const ms = await timed(async () => Promise.all(Array.from({ length: PARALLEL }, async () => repeated(each, work))));
  return (each * PARALLEL * 1_000) / ms;
}

async function runOperation(client: DaemonClient, operation: string): Promise<void> {
  const reply = await client.run({ operation }, { timeoutMs: 180_000 });
  if (reply.exit_code !== 0) throw new Error(`${operation}: ${reply.denied_reason ?? reply.stderr}`);
}

async function list(client: DaemonClient): Promise<void> {
  const reply = await client.list("");
  if (reply.error !== undefined) throw new Error(reply.error);
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 3 : 1)} ms`;
const mb = (value: number): string => `${value.toFixed(1)} MB`;

function latencyRow(
  what: string,
  samples: readonly number[],
  reference: readonly number[],
  referenceName: string,
): Row {
  const [p50, p99, r50, r99] = [
    quantile(samples, 0.5),
    quantile(samples, 0.99),
    quantile(reference, 0.5),
    quantile(reference, 0.99),
  ];
  return {
    what,
    measured: `${ms(p50)} / ${ms(p99)}`,
    reference: `${referenceName}: ${ms(r50)} / ${ms(r99)}`,
    ratio: `×${(p50 / r50).toFixed(2)}, +${ms(p50 - r50)}`,
    figures: { p50, p99, reference_p50: r50, reference_p99: r99, extra_p50: p50 - r50 },
  };
}

async function latencies(
  clients: { readonly unix: DaemonClient; readonly tcp: DaemonClient },
  echoes: { readonly unix: DaemonClient; readonly tcp: DaemonClient },
): Promise<readonly Row[]> {
  const samples = new Map<string, number[]>();
  const add = (name: string, more: readonly number[]): void => {
    samples.set(name, [...(samples.get(name) ?? []), ...more]);
  };
  // Interleaved, so that whatever else the machine does falls on all of them.
  for (let round = 0; round <= ROUNDS; round++) {
    const warmUp = round === 0;
    for (const kind of ["unix", "tcp"] as const) {
      const listed = await repeated(PER_ROUND * 2, async () => list(clients[kind]));
      const echoed = await repeated(PER_ROUND * 2, async () => list(echoes[kind]));
      const ran = await repeated(PER_ROUND, async () => runOperation(clients[kind], "true"));
      const relayed = await repeated(PER_ROUND, async () => runOperation(echoes[kind], "true"));
      if (warmUp) continue;
      add(`list ${kind}`, listed);
      add(`echo ${kind}`, echoed);
      add(`run ${kind}`, ran);
      add(`relayed ${kind}`, relayed);
    }
    const spawned = await bareSpawns(PER_ROUND, 1);
    if (!warmUp) add("spawn", spawned);
  }
  const of = (name: string): readonly number[] => samples.get(name) ?? [];
  return [
    latencyRow("list, Unix socket, p50 / p99", of("list unix"), of("echo unix"), "echo"),
    latencyRow("list, TCP, p50 / p99", of("list tcp"), of("echo tcp"), "echo"),
    latencyRow("run true, Unix socket, p50 / p99", of("run unix"), of("spawn"), "bare spawn"),
    latencyRow("run true, TCP, p50 / p99", of("run tcp"), of("spawn"), "bare spawn"),
    latencyRow("the same, Unix socket", of("run unix"), of("relayed unix"), "bare spawn behind such a socket"),
    latencyRow("the same, TCP", of("run tcp"), of("relayed tcp"), "bare spawn behind such a socket"),
  ];
}

async function rates(clients: { readonly unix: DaemonClient; readonly tcp: DaemonClient }): Promise<readonly Row[]> {
  const bareMs = await timed(async () => bareSpawns(PARALLEL_TOTAL, PARALLEL));
  const bare = (PARALLEL_TOTAL * 1_000) / bareMs;
  const rows: Row[] = [];
  for (const kind of ["unix", "tcp"] as const) {
    const measured = await rate(PARALLEL_TOTAL, async () => runOperation(clients[kind], "true"));
    rows.push({
      what: `run true, ${PARALLEL} clients, ${kind}`,
      measured: `${measured.toFixed(0)} /s`,
      reference: `bare spawn, ${PARALLEL} at a time: ${bare.toFixed(0)} /s`,
      ratio: `×${(measured / bare).toFixed(2)}`,
      figures: { per_second: measured, reference_per_second: bare },
    });
  }
  return rows;
}

async function outputRow(
  client: DaemonClient,
  pid: number,
  what: string,
  operation: string,
  bytes: number,
): Promise<Row> {
  const bare = await timed(async () => {
    const child = spawn("/bin/sh", ["-c", `yes abcdefg | head -c ${bytes} | cat >/dev/null`], { stdio: "ignore" });
    return new Promise((resolve) => child.once("exit", resolve));
  });
  const before = canReadMemory ? memory(pid, "VmRSS") : Number.NaN;
  if (canReadMemory) resetPeak(pid);
  const taken = await timed(async () => runOperation(client, operation));
  const growth = canReadMemory ? memory(pid, "VmHWM") - before : Number.NaN;
  return {
    what,
    measured: `${ms(taken)}, grows ${mb(growth)}`,
    reference: `same pipeline to /dev/null: ${ms(bare)}`,
    ratio: `×${(taken / bare).toFixed(2)}`,
    figures: { ms: taken, growth_mb: growth, reference_ms: bare },
  };
}

/** An incremental push of one commit, beside git as a person would start it; by turns. */
async function pushRows(client: DaemonClient): Promise<readonly Row[]> {
  history.commit();
  const first = await timed(async () => runOperation(client, "push"));
  history.plainPush();
  const [ours, plain]: [number[], number[]] = [[], []];
  for (let round = 0; round < (quick ? 5 : 21); round++) {
    history.commit();
    ours.push(await timed(async () => runOperation(client, "push")));
    history.commit();
    plain.push(
      await timed(async () => {
        history.plainPush();
        return Promise.resolve();
      }),
    );
  }
  const [viewed, looked]: [number[], number[]] = [[], []];
  for (let round = 0; round < (quick ? 5 : 21); round++) {
    viewed.push(await timed(async () => runOperation(client, "status")));
    looked.push(
      await timed(async () => {
        history.plainStatus();
        return Promise.resolve();
      }),
    );
  }
  return [
    latencyRow("push of one commit, 50,000 in the repository", ours, plain, "git push"),
    latencyRow("status of its 2,000 files", viewed, looked, "git status"),
    {
      what: "the first push of this repository",
      measured: ms(first),
      reference: "takes the history over, once",
      ratio: "",
      figures: { ms: first },
    },
  ];
}

async function measure(): Promise<readonly Row[]> {
  const token = prepare();
  const { child, ms: startMs } = await startDaemon();
  const emptyMs = quantile(
    await repeated(
      5,
      async () =>
        new Promise((resolve) => spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }).once("exit", resolve)),
    ),
    0.5,
  );
  const pid = child.pid ?? 0;
  const clients = { unix: new DaemonClient(unix, token), tcp: new DaemonClient(tcp, token) };
  const reply = JSON.stringify(await clients.unix.list(""));
  const echoAddresses = {
    unix: { kind: "unix", path: join(base, "echo.sock") },
    tcp: { kind: "tcp", host: "127.0.0.1", port: await freePort() },
  } as const;
  await startEcho(Object.values(echoAddresses), reply);
  const echoes = { unix: new DaemonClient(echoAddresses.unix, token), tcp: new DaemonClient(echoAddresses.tcp, token) };
  await sleep(1_000);
  const idle = canReadMemory ? memory(pid, "VmRSS") : Number.NaN;
  const emptyIdle = canReadMemory ? memory(spawner.pid ?? 0, "VmRSS") : Number.NaN;
  try {
    return [
      ...(await latencies(clients, echoes)),
      ...(await rates(clients)),
      ...(await pushRows(new DaemonClient(unix, cli("token", "mint", "--project", "history").trim()))),
      await outputRow(clients.unix, pid, "900 KB of output", "kilobytes", 900_000),
      await outputRow(clients.unix, pid, "1 GB of output, cap 1 MiB", "gigabyte", GIGABYTE),
      {
        what: "idle memory (RSS)",
        measured: mb(idle),
        reference: `empty program: ${mb(emptyIdle)}`,
        ratio: `×${(idle / emptyIdle).toFixed(2)}`,
        figures: { mb: idle, reference_mb: emptyIdle },
      },
      {
        what: "start to listening",
        measured: ms(startMs),
        reference: `empty program, start to end: ${ms(emptyMs)}`,
        ratio: `×${(startMs / emptyMs).toFixed(2)}`,
        figures: { ms: startMs, reference_ms: emptyMs },
      },
    ];
  } finally {
    await stopDaemon(child);
  }
}

try {
  const rows = await measure();
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify({ node: process.version, platform: process.platform, rows }, null, 2)}\n`);
  } else {
    const table = new Table({ head: ["what", "measured", "reference", "ratio"], style: { head: [], border: [] } });
    table.push(...rows.map((row) => [row.what, row.measured, row.reference, row.ratio]));
    process.stdout.write(`${table.toString()}\n`);
  }
} finally {
  spawner.disconnect();
  rmSync(base, { recursive: true, force: true });
}
