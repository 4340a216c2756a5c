/** Measurements of runs that are watched while they go on, each beside the same program without a daemon. */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DaemonClient } from "../wire/client.ts";
import type { ProjectConfig } from "../wire/schema.ts";
import { hasProc, type BenchDaemon } from "./bench-daemon.ts";
import { latencyRow, mb, median, ms, Samples, timed, times, type Row } from "./bench-figures.ts";
import type { Order, Origin, Progress, Told } from "./bench-live-client.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const GIGABYTE = 1_000_000_000;
const RACERS = 64;
const RACER_BYTES = 16_000_000;
const STAMPS = 20;
const LOG_LINE =
  "2024-05-01T12:00:00.000Z INFO worker[17] request finished method=GET path=/api/items status=200 ms=12";

/** A program that writes the time of the monotonic clock, which is the same in every process, now and then. */
const STAMPER = `
let left = ${STAMPS};
const timer = setInterval(() => {
  process.stdout.write(process.hrtime.bigint() + "\\n");
  if (--left === 0) clearInterval(timer);
}, 5);
`;
/** Three processes: a shell, and what it waits for. */
const SLEEPERS = "sleep 600 & a=$!; sleep 600 & echo $$ $a $!; wait";

interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

const shell = (script: string): Command => ({ command: "/bin/sh", args: ["-c", script] });

/** What the daemon runs, and what runs without it. */
function commands(base: string): ReadonlyMap<string, Command> {
  return new Map([
    ["nothing", { command: "/bin/true", args: [] }],
    ["stamps", { command: process.execPath, args: [join(base, "stamps.cjs")] }],
    ["blocks", { command: "head", args: ["-c", `${GIGABYTE}`, "/dev/zero"] }],
    ["lines", shell(`yes '${LOG_LINE}' | head -c ${GIGABYTE}`)],
    ["racer", { command: "head", args: ["-c", `${RACER_BYTES}`, "/dev/zero"] }],
    ["sleepers", shell(SLEEPERS)],
  ]);
}

/** How much there was of it at a time. */
function bytesAt(progress: Progress, at: number): number {
  return progress.findLast(([when]) => when <= at)?.[1] ?? 0;
}

interface Fairness {
  readonly totalMs: number;
  /** The slowest in relation to the fastest. */
  readonly finish: number;
  /** The one that is ahead when half of the time is over, in relation to the one that is behind. */
  readonly half: number;
}

function fairness(race: readonly Progress[]): Fairness {
  const ends = race.map((progress) => progress.at(-1)?.[0] ?? Number.NaN);
  const totalMs = Math.max(...ends);
  const half = race.map((progress) => bytesAt(progress, totalMs / 2));
  return { totalMs, finish: totalMs / Math.min(...ends), half: Math.max(...half) / Math.min(...half) };
}

/** True while a process is there and not only waits to be collected. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await sleep(1);
}

/** The measurements of one daemon that runs. */
export class LiveBench {
  readonly #daemon: BenchDaemon;
  readonly #token: string;
  readonly #client: DaemonClient;
  readonly #commands: ReadonlyMap<string, Command>;
  readonly #rounds: number;
  readonly #other: ChildProcess;

  /** @param daemon not started yet, since its project is added */
  constructor(daemon: BenchDaemon, quick: boolean) {
    this.#daemon = daemon;
    this.#rounds = quick ? 2 : 5;
    this.#commands = commands(daemon.base);
    writeFileSync(join(daemon.base, "stamps.cjs"), STAMPER);
    const operations: ProjectConfig["operations"] = Object.fromEntries(
      [...this.#commands].map(([name, { command, args }]) => [
        name,
        { command, args_template: [...args], timeout: 600 },
      ]),
    );
    this.#token = daemon.project("live", { operations });
    this.#client = new DaemonClient(daemon.unix, this.#token);
    this.#other = fork(join(root, "scripts/bench-live-client.ts"), { env: { PATH: process.env["PATH"] } });
  }

  close(): void {
    if (this.#other.connected) this.#other.disconnect();
  }

  async rows(): Promise<readonly Row[]> {
    return [
      ...(await this.#firstBytes()),
      await this.#streamedOrNot(),
      await this.#throughput("1 GB in long blocks", "blocks"),
      await this.#throughput("1 GB of log lines", "lines"),
      ...(await this.#race()),
      ...(hasProc ? [await this.#cancelled()] : []),
    ];
  }

  #command(name: string): Command {
    const command = this.#commands.get(name);
    if (command === undefined) throw new RangeError(name);
    return command;
  }

  #through(operation: string): Origin {
    return { address: this.#daemon.unix, token: this.#token, operation };
  }

  async #told(what: Order["what"], origin: Origin, runs = 1): Promise<Told> {
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        reject(new Error("the client has ended"));
      };
      this.#other.once("exit", gone);
      this.#other.once("message", (told) => {
        this.#other.off("exit", gone);
        resolve(told as Told);
      });
      const order: Order = { what, origin, runs };
      this.#other.send(order);
    });
  }

  async #firstBytes(): Promise<readonly Row[]> {
    const samples = new Samples();
    for (let round = 0; round <= this.#rounds * 5; round++)
      for (const [name, origin] of [
        ["live", this.#through("stamps")],
        ["pipe", this.#command("stamps")],
      ] as const) {
        const { stamps } = await this.#told("stamps", origin);
        if (round === 0) continue; // both warm up
        samples.add(`${name} first`, ...stamps.slice(0, 1));
        samples.add(name, ...stamps.slice(1));
      }
    const row = (what: string, name: string): Row =>
      latencyRow(what, samples.of(`live${name}`), samples.of(`pipe${name}`), "through a pipe");
    return [row("first line from program to client, p50 / p99", " first"), row("a later line, p50 / p99", "")];
  }

  async #streamedOrNot(): Promise<Row> {
    const samples = new Samples();
    const output = { write: () => undefined };
    for (let round = 0; round < this.#rounds * 40; round++) {
      samples.add("run", await timed(async () => this.#client.run({ operation: "nothing" })));
      samples.add("stream", await timed(async () => this.#client.stream({ operation: "nothing" }, { output })));
    }
    return latencyRow("run true, streamed, p50 / p99", samples.of("stream"), samples.of("run"), "run true, at once");
  }

  /** What `cmd2host call` writes to nowhere, beside `cat` in its and the daemon's place, and beside two programs that only pass it on. */
  async #throughput(what: string, name: string): Promise<Row> {
    const { command, args } = this.#command(name);
    const program = join(root, "dist/cmd2host.js");
    const call = [program, "call", "--no-stdin", "--socket", join(this.#daemon.base, "cmd2host.sock")];
    const samples = new Samples();
    for (let round = 0; round < Math.ceil(this.#rounds / 2) + 1; round++) {
      samples.add("cat", await this.#ended("/bin/sh", ["-c", '"$@" | cat >/dev/null', "sh", command, ...args]));
      samples.add("relay", await this.#relayed(`${this.#daemon.base}/relay${name}${round}.sock`, command, args));
      samples.add("start", await this.#ended(process.execPath, [...call, "nothing"]));
      let taken = 0;
      const growth = await this.#daemon.growth(async () => {
        taken = await this.#ended(process.execPath, [...call, name]);
      });
      samples.add("call", taken);
      samples.add("growth", growth);
    }
    const figure = (sample: string): number => median(samples.of(sample));
    const taken = figure("call") - figure("start");
    const rate = (milliseconds: number): string => `${(GIGABYTE / 1_000 / milliseconds).toFixed(0)} MB/s`;
    const growth = Math.max(...samples.of("growth"));
    return {
      what: `${what} to cmd2host call`,
      measured: `${rate(taken)}, daemon grows ${mb(growth)}`,
      reference: `to cat: ${rate(figure("cat"))}; through two bare programs: ${rate(figure("relay"))}`,
      ratio: `${times(figure("cat") / taken)}, ${times(figure("relay") / taken)}`,
      figures: {
        ms: taken,
        ms_of_an_empty_call: figure("start"),
        cat_ms: figure("cat"),
        relay_ms: figure("relay"),
        growth_mb: growth,
      },
    };
  }

  /** Without the start of the two programs. */
  async #relayed(path: string, command: string, args: readonly string[]): Promise<number> {
    const relay = join(root, "scripts/bench-relay.mjs");
    const server = spawn(process.execPath, [relay, path, command, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => server.stdout.once("data", resolve));
    const started = performance.now();
    const ended = new Promise((resolve) => server.once("exit", resolve));
    const client = this.#ended(process.execPath, [relay, path]);
    await Promise.all([ended, client]);
    return performance.now() - started - (await this.#ended(process.execPath, ["-e", "0"]));
  }

  /** Milliseconds until a program has ended well; what it writes goes nowhere. */
  async #ended(command: string, args: readonly string[]): Promise<number> {
    return timed(async () => {
      const env = { PATH: process.env["PATH"], CMD2HOST_TOKEN: this.#token };
      const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "inherit"] });
      const exit = await new Promise((resolve) => child.once("exit", resolve));
      if (exit !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${String(exit)}`);
    });
  }

  async #race(): Promise<readonly Row[]> {
    const samples = new Samples();
    for (let round = 0; round < this.#rounds; round++)
      for (const [name, origin] of [
        ["live", this.#through("racer")],
        ["pipe", this.#command("racer")],
      ] as const) {
        const { race } = await this.#told("race", origin, RACERS);
        const { totalMs, finish, half } = fairness(race);
        samples.add(`${name} total`, totalMs);
        samples.add(`${name} finish`, finish);
        samples.add(`${name} half`, half);
      }
    const figure = (name: string): number => median(samples.of(name));
    const ratios = (name: string): string => `${times(figure(`${name} finish`))}, ${times(figure(`${name} half`))}`;
    return [
      {
        what: `${RACERS} runs of ${RACER_BYTES / 1e6} MB at once: all`,
        measured: ms(figure("live total")),
        reference: `through pipes: ${ms(figure("pipe total"))}`,
        ratio: times(figure("live total") / figure("pipe total")),
        figures: { ms: figure("live total"), reference_ms: figure("pipe total") },
      },
      {
        what: "the same: slowest to fastest, first to last at half time",
        measured: ratios("live"),
        reference: `through pipes: ${ratios("pipe")}`,
        ratio: "",
        figures: {
          finish: figure("live finish"),
          half: figure("live half"),
          reference_finish: figure("pipe finish"),
          reference_half: figure("pipe half"),
        },
      },
    ];
  }

  async #cancelled(): Promise<Row> {
    const samples = new Samples();
    for (let round = 0; round < this.#rounds * 4; round++) {
      samples.add("live", await this.#cancelThroughDaemon());
      samples.add("direct", await this.#cancelDirectly());
    }
    return latencyRow(
      "cancel to the last of three processes gone, p50 / p99",
      samples.of("live"),
      samples.of("direct"),
      "TERM to their group",
    );
  }

  async #cancelThroughDaemon(): Promise<number> {
    const cancel = new AbortController();
    const began = new Promise<string>((resolve, reject) => {
      const write = (_: unknown, bytes: Buffer): undefined => {
        resolve(bytes.toString());
      };
      this.#client.stream({ operation: "sleepers" }, { output: { write }, signal: cancel.signal }).catch(reject);
    });
    const pids = (await began).trim().split(" ").map(Number);
    return timed(async () => {
      cancel.abort();
      await untilGone(pids);
    });
  }

  async #cancelDirectly(): Promise<number> {
    const { command, args } = this.#command("sleepers");
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
    const line = await new Promise<string>((resolve) => {
      child.stdout.once("data", (bytes: Buffer) => {
        resolve(bytes.toString());
      });
    });
    const pids = line.trim().split(" ").map(Number);
    return timed(async () => {
      process.kill(-(child.pid ?? Number.NaN), "SIGTERM");
      await untilGone(pids);
    });
  }
}
