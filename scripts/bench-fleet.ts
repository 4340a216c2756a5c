/**
 * Measures a fleet on this machine, beside bare references in the same run, and prints one table: `npm run bench:fleet`. `--quick` takes fewer samples; `--json`
 * prints the figures. Gateway and agents are the built programs, each a process; the 1,000 agents are one process that only answers.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { GatewayClient } from "../host/fleet/gateway-client.ts";
import { DaemonClient } from "../wire/client.ts";
import { latencyRow, mb, median, ms, repeated, Samples, timed, times, type Row } from "./bench-figures.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const cli = join(root, "dist/cmd2host.js");
const quick = process.argv.includes("--quick");
const scratch = mkdtempSync(join(tmpdir(), "c2h-bench-fleet-"));
const running: ChildProcess[] = [];
const GIGABYTE = 1_000_000_000;
const SILENT = { output: { write: () => undefined } };
const MANY = 1_000;
const FAN = 50;
/** Agents of the fan-out are real daemons; several share a process, or the memory of this machine would be what is measured. */
const PER_PROCESS = 10;

function cmd2host(base: string, ...args: readonly string[]): string {
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, CMD2HOST_CONFIG_DIR: base };
  return execFileSync(process.execPath, [cli, ...args], { env, encoding: "utf8" });
}

function serve(
  base: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, CMD2HOST_CONFIG_DIR: base, ...environment };
  const child = spawn(process.execPath, [...words], { env, stdio: ["ignore", "ignore", "inherit"] });
  running.push(child);
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error(`not within 60 s: ${what}`);
    await sleep(20);
  }
}

/** Memory of a process in MB: now, and the most it ever had. */
function memory(pid: number | undefined): { readonly now: number; readonly most: number } {
  const text = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return { now: kb("VmRSS") / 1_000, most: kb("VmHWM") / 1_000 };
}

interface Place {
  readonly directory: string;
  readonly client: GatewayClient;
  readonly child: ChildProcess;
  readonly linkPort: number;
}

async function startGateway(name: string): Promise<Place> {
  const directory = join(scratch, name);
  const [port, linkPort] = [await freePort(), await freePort()];
  cmd2host(scratch, "gateway", "init", `--dir=${directory}`, `--port=${port}`, `--link-port=${linkPort}`);
  const file = join(directory, "gateway.toml");
  writeFileSync(file, `${readFileSync(file, "utf8")}\n[agent]\nmax_concurrent_per_target = 256\n`, { mode: 0o600 });
  const child = serve(scratch, [cli, "gateway", `--config=${file}`]);
  const key = readFileSync(join(directory, "admin.key"), "utf8").trim();
  const client = new GatewayClient({ url: new URL(`http://127.0.0.1:${port}`), key });
  await until("the gateway", async () => (await client.ask("GET", "/v2/gateway")).status === 200);
  return { directory, client, child, linkPort };
}

const OPERATIONS = {
  true: { command: "/bin/true" },
  gigabyte: { command: "/usr/bin/head", args_template: ["-c", String(GIGABYTE), "/dev/zero"], timeout: 600 },
  text: { command: "/usr/bin/head", args_template: ["-c", String(GIGABYTE), `${scratch}/log`], timeout: 600 },
};

/** The directory of an agent with the operations of the measurements. */
async function agentBase(name: string): Promise<{ readonly base: string; readonly port: number }> {
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
      agent: { name, listen_address: "127.0.0.1", listen_port: port, allow_root: true, max_concurrent: 256 },
    }),
    { mode: 0o600 },
  );
  cmd2host(base, "config", "allow", "machine");
  return { base, port };
}

async function enrol({ client }: Place, base: string, name: string): Promise<void> {
  const { code } = JSON.parse(cmd2host(base, "agent", "enroll", "--json")) as { readonly code: string };
  await until(
    `${name} is enrolled`,
    async () => (await client.ask("POST", "/v2/enrolments", { code, name })).status === 200,
  );
}

/** `true` on an agent through the gateway, beside the same through the agent's own daemon, and beside ssh. */
async function latency(place: Place, base: string): Promise<readonly Row[]> {
  const token = /[0-9a-f]{64}/.exec(cmd2host(base, "token", "mint", "--project=machine"))?.[0] ?? "";
  const local = new DaemonClient({ kind: "unix", path: join(base, "cmd2host.sock") }, token);
  const remote = place.client.on("one");
  const samples = new Samples();
  for (let round = 0; round < (quick ? 3 : 12); round++) {
    const count = quick ? 10 : 40;
    samples.add("local", ...(await repeated(count, async () => local.stream({ operation: "true" }, SILENT))));
    samples.add("remote", ...(await repeated(count, async () => remote.stream({ operation: "true" }, SILENT))));
  }
  const rows = [
    latencyRow(
      "`true` through gateway and agent, p50 / p99",
      samples.of("remote").slice(20),
      samples.of("local").slice(20),
      "the agent's own daemon",
    ),
  ];
  const ssh = startSshd();
  if (ssh === undefined) return rows;
  const key = join(place.directory, "admin.key");
  const env = { ...process.env, CMD2HOST_GATEWAY: place.client.address, CMD2HOST_GATEWAY_KEY_FILE: key };
  const run = async (file: string, args: readonly string[]): Promise<void> => {
    const child = spawn(file, [...args], { env, stdio: "ignore" });
    await new Promise((done) => child.once("exit", done));
  };
  const ours = async () => run(process.execPath, [cli, "exec", "one", "--operation=true"]);
  for (let round = 0; round < (quick ? 2 : 8); round++) {
    samples.add("cli", ...(await repeated(3, ours)));
    samples.add("ssh", ...(await repeated(3, async () => run("ssh", [...ssh.plain, "true"]))));
    samples.add("shared", ...(await repeated(3, async () => run("ssh", [...ssh.shared, "true"]))));
  }
  return [
    ...rows,
    latencyRow(
      "`cmd2host exec one --operation=true`, the whole program",
      samples.of("cli").slice(3),
      samples.of("ssh").slice(3),
      "ssh to this machine",
    ),
    latencyRow(
      "the same beside a connection that ssh shares",
      samples.of("cli").slice(3),
      samples.of("shared").slice(3),
      "ssh, ControlMaster",
    ),
  ];
}

/** A real sshd on loopback, with a key of its own. Undefined where there is none. */
function startSshd(): { readonly plain: readonly string[]; readonly shared: readonly string[] } | undefined {
  const program = "/usr/sbin/sshd";
  if (!existsSync(program) || process.getuid?.() !== 0) return undefined;
  const directory = join(scratch, "ssh");
  mkdirSync(directory, { mode: 0o700 });
  mkdirSync("/run/sshd", { recursive: true });
  for (const name of ["host", "user"])
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, name)]);
  writeFileSync(join(directory, "authorized"), readFileSync(join(directory, "user.pub")), { mode: 0o600 });
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(directory, "host")}`,
    `AuthorizedKeysFile ${join(directory, "authorized")}`,
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin yes",
    `PidFile ${join(directory, "pid")}`,
  ];
  writeFileSync(join(directory, "config"), `${config.join("\n")}\n`);
  running.push(spawn(program, ["-D", "-f", join(directory, "config")], { stdio: "ignore" }));
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"];
  const plain = [
    ...options.flatMap((option) => ["-o", option]),
    "-i",
    join(directory, "user"),
    "-p",
    String(port),
    "root@127.0.0.1",
  ];
  const control = ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", `ControlPath=${directory}/c`];
  return { plain, shared: [...control, ...plain] };
}

/** `true` on 50 agents at the same time. */
async function fanOut(place: Place): Promise<Row> {
  const names = Array.from({ length: FAN }, (_, index) => `fan${index}`);
  const bases = await Promise.all(names.map(async (name) => (await agentBase(name)).base));
  for (let first = 0; first < FAN; first += PER_PROCESS)
    serve(scratch, [
      "--import",
      "tsx",
      join(root, "scripts/bench-fleet-agents.ts"),
      ...bases.slice(first, first + PER_PROCESS),
    ]);
  for (const [index, name] of names.entries()) await enrol(place, bases[index] ?? "", name);
  const on = async (name: string) => place.client.on(name).stream({ operation: "true" }, SILENT);
  await Promise.all(names.map(on));
  const samples = new Samples();
  for (let round = 0; round < (quick ? 3 : 15); round++) {
    samples.add("single", await timed(async () => on("fan0")));
    samples.add("all", await timed(async () => Promise.all(names.map(on))));
    samples.add(
      "spawns",
      await timed(async () => {
        for (let index = 0; index < FAN; index++)
          await new Promise((done) => spawn("/bin/true", { stdio: "ignore" }).once("exit", done));
      }),
    );
  }
  const [all, single, spawns] = ["all", "single", "spawns"].map((name) => median(samples.of(name)));
  const reference = 3 * (single ?? 0) + (spawns ?? 0);
  return {
    what: `\`true\` on ${FAN} agents at the same time`,
    measured: ms(all ?? 0),
    reference: `3 × a single call + ${FAN} bare spawns: ${ms(reference)}`,
    ratio: times((all ?? 0) / reference),
    figures: { all: all ?? 0, single: single ?? 0, spawns: spawns ?? 0 },
  };
}

/** 1 GB from an agent to a client that reads as fast as it can. */
async function stream(place: Place, operation: string, what: string): Promise<Row> {
  let bytes = 0;
  const before = memory(place.child.pid);
  const took = await timed(async () =>
    place.client.on("one").stream(
      { operation },
      {
        output: {
          write: (_stream, chunk) => {
            bytes += chunk.length;
            return undefined;
          },
        },
      },
    ),
  );
  const { args_template: args, command } = OPERATIONS[operation as "text" | "gigabyte"];
  const bare = await timed(async () => {
    const child = spawn(command, [...args], { stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.resume();
    await new Promise((done) => child.once("close", done));
  });
  const growth = memory(place.child.pid).most - before.now;
  const [rate, reference] = [bytes / 1_000 / took, bytes / 1_000 / bare];
  return {
    what,
    measured: `${rate.toFixed(0)} MB/s, gateway +${mb(growth)}`,
    reference: `a plain pipe: ${reference.toFixed(0)} MB/s`,
    ratio: times(rate / reference),
    figures: { mb_per_s: rate, reference_mb_per_s: reference, gateway_growth_mb: growth, bytes },
  };
}

/** How long a gateway takes to know that 1,000 agents that dial out are there. */
async function many(): Promise<Row> {
  const directory = join(scratch, "many");
  const [port, linkPort] = [await freePort(), await freePort()];
  cmd2host(scratch, "gateway", "init", `--dir=${directory}`, `--port=${port}`, `--link-port=${linkPort}`);
  const key = readFileSync(join(directory, "admin.key"), "utf8").trim();
  const client = new GatewayClient({ url: new URL(`http://127.0.0.1:${port}`), key });
  const program = join(root, "scripts/bench-fleet-simulated.ts");
  // The keys of both sides are known to each other before: enrolment is not what is measured.
  const simulated = spawn(process.execPath, ["--import", "tsx", program, directory, String(linkPort), String(MANY)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  running.push(simulated);
  await new Promise((done) => simulated.stdout.once("data", done));
  const child = serve(scratch, [cli, "gateway", `--config=${directory}/gateway.toml`]);
  await until("the gateway", async () => (await client.ask("GET", "/v2/gateway")).status === 200);
  const idle = memory(child.pid).now;
  simulated.stdin.write("go\n");
  const took = await timed(async () =>
    until("all answer", async () => {
      const { body } = await client.ask("GET", "/v2/targets");
      const { targets } = body as { readonly targets: readonly { readonly reachable: string }[] };
      return targets.filter(({ reachable }) => reachable === "reachable").length === MANY;
    }),
  );
  const perTarget = ((memory(child.pid).now - idle) * 1_000) / MANY;
  simulated.kill("SIGKILL");
  child.kill();
  return {
    what: `${MANY} agents dial in, and have answered a ping`,
    measured: `${(took / 1_000).toFixed(2)} s`,
    reference: `gateway with links: +${perTarget.toFixed(0)} KB for each`,
    ratio: "",
    figures: { seconds: took / 1_000, kb_per_target: perTarget },
  };
}

const rows: Row[] = [];
try {
  const line =
    "2024-05-01T12:00:00.000Z INFO worker[17] request finished method=GET path=/api/items status=200 ms=12\n";
  const block = Buffer.from(line.repeat(100_000));
  writeFileSync(`${scratch}/log`, "");
  for (let size = 0; size < GIGABYTE; size += block.length) writeFileSync(`${scratch}/log`, block, { flag: "a" });
  const place = await startGateway("gateway");
  const { base } = await agentBase("one");
  serve(base, [cli, "agent"]);
  await enrol(place, base, "one");
  rows.push(...(await latency(place, base)));
  rows.push(await stream(place, "gigabyte", "1 GB of zeros from an agent"));
  rows.push(await stream(place, "text", "1 GB of log lines from an agent"));
  rows.push(await fanOut(place));
  rows.push(await many());
} finally {
  for (const child of running) child.kill("SIGTERM");
  await sleep(1_000);
  for (const child of running) child.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
}
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
else {
  const table = new Table({ head: ["what", "ours", "beside", "ratio"], style: { head: [], border: [] } });
  for (const { what, measured, reference, ratio } of rows) table.push([what, measured, reference, ratio]);
  process.stdout.write(`${table.toString()}\n`);
}
process.exit(0);
