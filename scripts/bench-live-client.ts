/**
 * A client in a process of its own, which the benchmark of live runs tells what to do: the daemon, the client and what measures them share nothing. It watches what a
 * program writes, through the daemon or, for the reference, through a plain pipe.
 */
import { spawn } from "node:child_process";
import { DaemonClient, type Address } from "../wire/client.ts";

/** Where the output comes from. */
export type Origin =
  | { readonly address: Address; readonly token: string; readonly operation: string }
  | { readonly command: string; readonly args: readonly string[] };

export interface Order {
  readonly what: "stamps" | "race";
  readonly origin: Origin;
  /** How many runs at the same time. */
  readonly runs: number;
}

/** What came when, per run: milliseconds since the beginning, and bytes until then. */
export type Progress = readonly (readonly [ms: number, bytes: number])[];

/** Of `stamps`: how long each line took from the program to here, in milliseconds. */
export interface Told {
  readonly stamps: readonly number[];
  readonly race: readonly Progress[];
}

async function watch(origin: Origin, output: (bytes: Buffer) => void): Promise<void> {
  if ("command" in origin) {
    const child = spawn(origin.command, origin.args, { stdio: ["ignore", "pipe", "ignore"], detached: true });
    child.stdout.on("data", output);
    const exit = await new Promise((resolve) => child.once("close", resolve));
    if (exit !== 0) throw new Error(`exit ${String(exit)}`);
    return;
  }
  const client = new DaemonClient(origin.address, origin.token);
  const write = (_: unknown, bytes: Buffer): undefined => {
    output(bytes);
  };
  const outcome = await client.stream({ operation: origin.operation }, { output: { write } });
  if (outcome.exit_code !== 0) throw new Error(outcome.message ?? `exit ${outcome.exit_code}`);
}

/** Of a program that writes lines with the time (monotonic, in nanoseconds) at which it writes them. */
async function stamps(origin: Origin): Promise<readonly number[]> {
  const samples: number[] = [];
  let rest = "";
  await watch(origin, (bytes) => {
    const now = process.hrtime.bigint();
    const lines = `${rest}${bytes.toString("latin1")}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) samples.push(Number(now - BigInt(line)) / 1e6);
  });
  return samples;
}

async function race(origin: Origin, runs: number): Promise<readonly Progress[]> {
  const started = performance.now();
  return Promise.all(
    Array.from({ length: runs }, async () => {
      const progress: [number, number][] = [];
      let total = 0;
      await watch(origin, (bytes) => {
        total += bytes.length;
        progress.push([performance.now() - started, total]);
      });
      return progress;
    }),
  );
}

process.on("message", (order: Order) => {
  const { what, origin, runs } = order;
  const told: Promise<Told> =
    what === "stamps"
      ? stamps(origin).then((samples) => ({ stamps: samples, race: [] }))
      : race(origin, runs).then((all) => ({ stamps: [], race: all }));
  void told.then((result) => process.send?.(result));
});
