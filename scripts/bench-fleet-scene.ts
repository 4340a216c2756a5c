/** For bench-fleet.ts: gateways and agents on this machine, each a process with a directory of its own. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { GatewayClient } from "../host/fleet/gateway-client.ts";
import { DaemonClient } from "../wire/client.ts";
import { repeated, Samples, timed } from "./bench-figures.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const cli = join(root, "dist/cmd2host.js");
export const scratch = mkdtempSync(join(tmpdir(), "c2h-bench-fleet-"));
export const running: ChildProcess[] = [];
export const SILENT = { output: { write: () => undefined } };
export const GIGABYTE = 1_000_000_000;

/** A program of this directory, as words for Node. */
export function script(name: string): readonly string[] {
  return ["--import", "tsx", join(root, "scripts", name)];
}

export function cmd2host(base: string, ...args: readonly string[]): string {
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, CMD2HOST_CONFIG_DIR: base };
  return execFileSync(process.execPath, [cli, ...args], { env, encoding: "utf8" });
}

export function serve(
  base: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, CMD2HOST_CONFIG_DIR: base, ...environment };
  const child = spawn(process.execPath, [...words], { env, stdio: ["ignore", "ignore", "inherit"] });
  running.push(child);
  return child;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error(`not within 60 s: ${what}`);
    await sleep(20);
  }
}

/** Memory of a process in MB: now, and the most it ever had. */
export function memory(pid: number | undefined): { readonly now: number; readonly most: number } {
  const text = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return { now: kb("VmRSS") / 1_000, most: kb("VmHWM") / 1_000 };
}

export interface Place {
  readonly directory: string;
  readonly client: GatewayClient;
  readonly child: ChildProcess;
  readonly linkPort: number;
}

/** @param more further tables of gateway.toml */
export async function startGateway(name: string, more = ""): Promise<Place> {
  const directory = join(scratch, name);
  const [port, linkPort] = [await freePort(), await freePort()];
  cmd2host(scratch, "gateway", "init", `--dir=${directory}`, `--port=${port}`, `--link-port=${linkPort}`);
  const file = join(directory, "gateway.toml");
  writeFileSync(file, `${readFileSync(file, "utf8")}\n[agent]\nmax_concurrent_per_target = 256\n${more}`, {
    mode: 0o600,
  });
  const child = serve(scratch, [cli, "gateway", `--config=${file}`]);
  const key = readFileSync(join(directory, "admin.key"), "utf8").trim();
  const client = new GatewayClient({ url: new URL(`http://127.0.0.1:${port}`), key });
  await until("the gateway", async () => (await client.ask("GET", "/v2/gateway")).status === 200);
  return { directory, client, child, linkPort };
}

export const OPERATIONS = {
  true: { command: "/bin/true" },
  gigabyte: { command: "/usr/bin/head", args_template: ["-c", String(GIGABYTE), "/dev/zero"], timeout: 600 },
  text: { command: "/usr/bin/head", args_template: ["-c", String(GIGABYTE), `${scratch}/log`], timeout: 600 },
};

/** The directory of an agent with the operations of the measurements. @param more members of `agent` in daemon.json */
export async function agentBase(
  name: string,
  more: object = {},
): Promise<{ readonly base: string; readonly port: number }> {
  const base = join(scratch, name);
  const port = await freePort();
  mkdirSync(join(base, "projects/machine"), { recursive: true, mode: 0o700 });
  writeFileSync(
    join(base, "projects/machine/config.json"),
    JSON.stringify({ machine: {}, allowed_operations: Object.keys(OPERATIONS), operations: OPERATIONS }),
    { mode: 0o600 },
  );
  writeFileSync(
    join(base, "daemon.json"),
    JSON.stringify({
      agent: { name, listen_address: "127.0.0.1", listen_port: port, allow_root: true, max_concurrent: 256, ...more },
    }),
    { mode: 0o600 },
  );
  cmd2host(base, "config", "allow", "machine");
  return { base, port };
}

export async function enrol({ client }: Place, base: string, name: string): Promise<void> {
  const { code } = JSON.parse(cmd2host(base, "agent", "enroll", "--json")) as { readonly code: string };
  await until(
    `${name} is enrolled`,
    async () => (await client.ask("POST", "/v2/enrolments", { code, name })).status === 200,
  );
}

/** Fills the file that `text` reads. */
export function writeLog(): void {
  const line =
    "2024-05-01T12:00:00.000Z INFO worker[17] request finished method=GET path=/api/items status=200 ms=12\n";
  const block = Buffer.from(line.repeat(100_000));
  writeFileSync(`${scratch}/log`, "");
  for (let size = 0; size < GIGABYTE; size += block.length) writeFileSync(`${scratch}/log`, block, { flag: "a" });
}

/** Ends all processes, and removes what they wrote. */
export async function strike(): Promise<void> {
  for (const child of running) child.kill("SIGTERM");
  await sleep(1_000);
  for (const child of running) child.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
}

/** `true` on a machine through a gateway, and by the machine's own daemon, in turns: samples `remote` and `local`. */
export async function bothWays(place: Place, base: string, name: string, quick: boolean): Promise<Samples> {
  const token = /[0-9a-f]{64}/.exec(cmd2host(base, "token", "mint", "--project=machine"))?.[0] ?? "";
  const local = new DaemonClient({ kind: "unix", path: join(base, "cmd2host.sock") }, token);
  const remote = place.client.on(name);
  const samples = new Samples();
  for (let round = 0; round < (quick ? 3 : 12); round++) {
    const count = quick ? 10 : 40;
    samples.add("local", ...(await repeated(count, async () => local.stream({ operation: "true" }, SILENT))));
    samples.add("remote", ...(await repeated(count, async () => remote.stream({ operation: "true" }, SILENT))));
  }
  return samples;
}

/** What a stream from a machine to a client that reads as fast as it can came to. */
export interface Streamed {
  readonly bytes: number;
  readonly mbPerSecond: number;
  /** Of the gateway's memory, in MB. */
  readonly growth: number;
}

/** @throws Error when it does not end with 0 */
export async function streamed(
  place: Place,
  name: string,
  operation: keyof typeof OPERATIONS,
  saw: (chunk: Uint8Array) => void = () => undefined,
): Promise<Streamed> {
  let bytes = 0;
  const output = {
    write: (_stream: unknown, chunk: Uint8Array) => {
      bytes += chunk.length;
      saw(chunk);
      return undefined;
    },
  };
  const before = memory(place.child.pid);
  const took = await timed(async () => {
    const { exit_code: exit } = await place.client.on(name).stream({ operation }, { output });
    if (exit !== 0) throw new Error(`${operation} on ${name}: exit ${String(exit)} after ${bytes} bytes`);
  });
  return { bytes, mbPerSecond: bytes / 1_000 / took, growth: memory(place.child.pid).most - before.now };
}
