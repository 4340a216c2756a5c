/**
 * Measures a fleet on this machine, beside bare references in the same run, and prints one table: `npm run bench:fleet`. `--quick` takes fewer samples; `--json`
 * prints the figures. Gateway and agents are the built programs, each a process; the 1,000 agents are one process that only answers.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import { GatewayClient } from "../host/fleet/gateway-client.ts";
import { latencyRow, mb, median, ms, repeated, Samples, timed, times, type Row } from "./bench-figures.ts";
import { overNats } from "./bench-fleet-nats.ts";
import {
  agentBase,
  bothWays,
  cli,
  cmd2host,
  enrol,
  freePort,
  memory,
  OPERATIONS,
  running,
  scratch,
  script,
  serve,
  SILENT,
  startGateway,
  streamed,
  strike,
  until,
  writeLog,
  type Place,
} from "./bench-fleet-scene.ts";

const quick = process.argv.includes("--quick");
const MANY = 1_000;
const FAN = 50;
/** Agents of the fan-out are real daemons; several share a process, or the memory of this machine would be what is measured. */
const PER_PROCESS = 10;

/** `true` on an agent through the gateway, beside the same through the agent's own daemon, and beside ssh. */
async function latency(place: Place, base: string): Promise<readonly Row[]> {
  const samples = await bothWays(place, base, "one", quick);
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
    serve(scratch, [...script("bench-fleet-agents.ts"), ...bases.slice(first, first + PER_PROCESS)]);
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
async function stream(place: Place, operation: "text" | "gigabyte", what: string): Promise<Row> {
  const { bytes, mbPerSecond: rate, growth } = await streamed(place, "one", operation);
  const { args_template: args, command } = OPERATIONS[operation];
  const bare = await timed(async () => {
    const child = spawn(command, [...args], { stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.resume();
    await new Promise((done) => child.once("close", done));
  });
  const reference = bytes / 1_000 / bare;
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
  // The keys of both sides are known to each other before: enrolment is not what is measured.
  const words = [...script("bench-fleet-simulated.ts"), directory, String(linkPort), String(MANY)];
  const simulated = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
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
  writeLog();
  const place = await startGateway("gateway");
  const { base } = await agentBase("one");
  serve(base, [cli, "agent"]);
  await enrol(place, base, "one");
  rows.push(...(await latency(place, base)));
  rows.push(await stream(place, "gigabyte", "1 GB of zeros from an agent"));
  rows.push(await stream(place, "text", "1 GB of log lines from an agent"));
  rows.push(await fanOut(place));
  rows.push(await many());
  rows.push(...(await overNats(quick)));
} finally {
  await strike();
}
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
else {
  const table = new Table({ head: ["what", "ours", "beside", "ratio"], style: { head: [], border: [] } });
  for (const { what, measured, reference, ratio } of rows) table.push([what, measured, reference, ratio]);
  process.stdout.write(`${table.toString()}\n`);
}
process.exit(0);
