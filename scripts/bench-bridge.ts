/** The container's bridge: from its start to its end, beside the least that can be started; MCP and a gigabyte through it. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { DaemonClient } from "../wire/client.ts";
import { callOperations } from "./bench-calls.ts";
import { BenchDaemon } from "./bench-daemon.ts";
import { latencyRow, median, ms, Samples, timed, times, type Effort, type Row } from "./bench-figures.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bridge = join(root, `shim/dist/cmd2host-bridge-linux-${process.arch}`);
const standIn = join(root, "dist/cmd2host-proxy.js");
const floorFile = join(root, "scripts/bench-floor.mjs");
const PARALLEL = 16;
const GIGABYTE = 1_000_000_000;
const CALLS = 40;
const TURNS = 4;

/** Why the bridge cannot be measured here; undefined when it can. */
export function whyNoBridge(): string | undefined {
  if (!existsSync(bridge)) return "the bridge was not built (npm run build:shim)";
  return spawnSync("cc", ["--version"]).status === 0 ? undefined : "there is no C compiler for the references";
}

/** Measures programs that are started by one that has no runtime. */
class Starter {
  readonly #file: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.#file = join(directory, "bench-starter");
    this.#environment = environment;
    execFileSync("cc", ["-O2", "-o", this.#file, join(root, "scripts/bench-starter.c")]);
  }

  /** How long each took in milliseconds, and how many that is in a second. */
  run(
    words: readonly string[],
    count: number,
    parallel = 1,
    environment = this.#environment,
  ): { readonly each: readonly number[]; readonly rate: number } {
    const args = ["run", String(count), String(parallel), ...words];
    const lines = execFileSync(this.#file, args, { env: environment, encoding: "utf8" }).trim().split("\n");
    const figures = lines.map((line) => Number(line) / 1_000);
    return { each: figures.slice(0, -1), rate: (count * 1_000) / (figures.at(-1) ?? Number.NaN) };
  }

  connecting(socket: string): readonly string[] {
    return [this.#file, "connect", socket];
  }
}

/** An empty program of the daemon's runtime behind a socket of its own: what no daemon of that runtime gets below. */
class Floor {
  readonly environment: NodeJS.ProcessEnv;
  readonly #socket: string;
  readonly #child: ChildProcess;

  constructor(program: string, directory: string, environment: NodeJS.ProcessEnv) {
    this.#socket = join(directory, "floor.sock");
    this.environment = { ...environment, HOST_CMD_PROXY_SOCKET: this.#socket };
    const [file, words] = program.endsWith(".js") ? [process.execPath, []] : [program, ["run"]];
    // An executable of Bun is Bun itself when it is asked to.
    const env = { PATH: environment["PATH"], BUN_BE_BUN: "1" };
    this.#child = spawn(file, [...words, floorFile, this.#socket], { env, stdio: ["ignore", "ignore", "inherit"] });
  }

  async started(): Promise<void> {
    while (!existsSync(this.#socket)) {
      if (this.#child.exitCode !== null) throw new Error("the empty program does not start");
      await sleep(5);
    }
  }

  stop(): void {
    this.#child.kill();
  }
}

interface Place {
  readonly daemon: BenchDaemon;
  readonly floor: Floor;
  readonly socket: string;
  readonly starter: Starter;
  readonly environment: Readonly<Record<string, string>>;
  /** The bridge by a name of its own. */
  readonly named: (name: string) => string;
}

function placeOf(program: string, directory: string): Place {
  mkdirSync(directory);
  const daemon = new BenchDaemon(program, directory, process.env["PATH"] ?? "");
  const gigabyte = { command: "head", args_template: ["-c", String(GIGABYTE), "/dev/zero"], timeout: 600 };
  const token = daemon.project("owner_repo", { operations: { true: callOperations.true, gigabyte } });
  const socket = join(directory, "cmd2host.sock");
  const environment = {
    PATH: process.env["PATH"] ?? "",
    HOST_CMD_PROXY_SOCKET: socket,
    HOST_CMD_PROXY_TOKEN_FILE: join(directory, "no-file"),
    CMD2HOST_TOKEN: token,
  };
  const names = join(directory, "names");
  mkdirSync(names);
  const named = (name: string): string => {
    const path = join(names, name);
    if (!existsSync(path)) symlinkSync(bridge, path);
    return path;
  };
  const floor = new Floor(program, directory, environment);
  return { daemon, floor, socket, starter: new Starter(directory, environment), environment, named };
}

/** One command after the other, by turns with the references. */
function startRows(name: string, { starter, floor, socket, named }: Place, effort: Effort): readonly Row[] {
  const contenders: readonly (readonly [string, readonly string[]])[] = [
    ["bridge", [named("true")]],
    ["floor", [named("true")]],
    ["shell", ["sh", "-c", "true"]],
    ["bare", starter.connecting(socket)],
    ["spawn", ["true"]],
    ...(existsSync(standIn) ? [["node", [process.execPath, standIn, "true"]] as const] : []),
  ];
  const samples = new Samples();
  for (let round = 0; round <= effort.rounds; round++)
    for (const [key, words] of contenders) {
      const environment = key === "floor" ? floor.environment : undefined;
      const { each } = starter.run(words, key === "node" ? 5 : effort.perRound, 1, environment);
      if (round > 0) samples.add(key, ...each);
    }
  const bare = samples.of("bare");
  const both = samples.of("spawn").map((value, index) => value + (bare[index] ?? median(bare)));
  const part = Math.ceil(effort.total / TURNS);
  const [ours, least]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn++) {
    ours.push(starter.run([named("true")], part, PARALLEL).rate);
    least.push(starter.run([named("true")], part, PARALLEL, floor.environment).rate);
  }
  const [rate, floorRate] = [median(ours), median(least)];
  return [
    latencyRow(`bridge, ${name}: run true, p50 / p99`, samples.of("bridge"), both, "bare client plus bare true"),
    latencyRow("the same", samples.of("bridge"), samples.of("floor"), "empty program of the runtime"),
    latencyRow("the same", samples.of("bridge"), samples.of("shell"), "sh -c true"),
    ...(existsSync(standIn)
      ? [latencyRow("the same", samples.of("bridge"), samples.of("node"), "the stand-in on Node")]
      : []),
    {
      what: `bridge, ${name}: run true, ${PARALLEL} at a time`,
      measured: `${rate.toFixed(0)} /s`,
      reference: `empty program of the runtime: ${floorRate.toFixed(0)} /s`,
      ratio: times(rate / floorRate),
      figures: { per_second: rate, reference_per_second: floorRate },
    },
  ];
}

async function mcpRows(name: string, { daemon, environment, named }: Place): Promise<readonly Row[]> {
  const client = new Client({ name: "bench", version: "1" });
  const transport = new StdioClientTransport({ command: named("cmd2host-mcp"), args: [], env: { ...environment } });
  const beginMs = await timed(async () => client.connect(transport));
  const direct = new DaemonClient(daemon.unix, environment["CMD2HOST_TOKEN"] ?? "");
  const samples = new Samples();
  try {
    for (let round = 0; round < 2 * CALLS; round++) {
      const called = await timed(async () =>
        client.callTool({ name: "cmd2host_run_operation", arguments: { operation_id: "true" } }),
      );
      const ran = await timed(async () => direct.run({ operation: "true" }));
      if (round < CALLS) continue;
      samples.add("mcp", called);
      samples.add("run", ran);
    }
  } finally {
    await client.close();
  }
  return [
    {
      what: `bridge, ${name}: MCP, start to the answer of initialize`,
      measured: ms(beginMs),
      reference: "",
      ratio: "",
      figures: { ms: beginMs },
    },
    latencyRow(`bridge, ${name}: run true over MCP`, samples.of("mcp"), samples.of("run"), "without MCP"),
  ];
}

/** A gigabyte into a pipe that somebody reads. */
function throughputRows(name: string, { environment, floor, named }: Place): readonly Row[] {
  const through = (line: string, env: NodeJS.ProcessEnv = environment): number => {
    const started = performance.now();
    const { status } = spawnSync("sh", ["-c", `${line} | cat >/dev/null`], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error(`${line}: ${status ?? "?"}`);
    return performance.now() - started;
  };
  const bridged = `${named("head")} -c ${GIGABYTE} /dev/zero`;
  const [ours, least, plain]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < 5; round++) {
    ours.push(through(bridged));
    least.push(through(bridged, floor.environment));
    plain.push(through(`head -c ${GIGABYTE} /dev/zero | cat`));
  }
  const rate = (time: number): string => `${(GIGABYTE / 1_000 / time).toFixed(0)} MB/s`;
  const row = (what: string, measured: number, reference: number, referenceName: string): Row => ({
    what,
    measured: rate(measured),
    reference: `${referenceName}: ${rate(reference)}`,
    ratio: times(reference / measured),
    figures: { ms: measured, reference_ms: reference },
  });
  return [
    row(`bridge, ${name}: 1 GB of output into a pipe`, median(ours), median(plain), "through cat"),
    row("the same", median(ours), median(least), "empty program of the runtime"),
  ];
}

function sizeRow(): Row {
  const bytes = statSync(bridge).size;
  return {
    what: "size of the bridge",
    measured: `${(bytes / 1_000).toFixed(1)} KB`,
    reference: "",
    ratio: "",
    figures: { bytes },
  };
}

/**
 * Rows of the bridge with a daemon of each program.
 * @param programs by name
 * @param base an empty directory
 */
export async function bridgeRows(
  programs: ReadonlyMap<string, string>,
  base: string,
  effort: Effort,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const [name, program] of programs) {
    const place = placeOf(program, join(base, `bridge-${rows.length}`));
    try {
      await place.floor.started();
      await place.daemon.start({ listen_mode: "unix" });
      rows.push(...startRows(name, place, effort), ...(await mcpRows(name, place)), ...throughputRows(name, place));
    } finally {
      place.floor.stop();
      await place.daemon.stop();
    }
  }
  return [...rows, sizeRow()];
}
