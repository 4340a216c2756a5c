import { spawn, spawnSync, type ChildProcess, type StdioOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "./net.ts";

/** How a process ended, with all that it wrote. */
export interface Ended {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longer than a machine under load could need. */
const PATIENCE_MS = 40_000;

/**
 * Waits until something holds; fails when that takes too long.
 * @param seen what is there instead, for the message
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  seen: () => string = () => "",
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS / 1_000} s: ${what}\n${seen()}`);
    await sleep(50);
  }
}

/** A process on a host of the network. */
export class Running {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #said = { stdout: "", stderr: "" };
  readonly #began = performance.now();
  #endedAt: number | undefined;

  /** @param stdio without it, standard input is empty and the rest is read */
  constructor(
    host: Host,
    words: readonly string[],
    env: NodeJS.ProcessEnv,
    stdio: StdioOptions = ["ignore", "pipe", "pipe"],
  ) {
    const [file, ...args] = host.entrance;
    const child = spawn(file, [...args, ...words], { env, cwd: "/", stdio });
    this.#child = child;
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8");
      child[name]?.on("data", (text: string) => {
        this.#said[name] += text;
      });
    }
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit, signal) => {
        this.#endedAt = performance.now();
        resolve({ exit, signal, ...this.#said });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#said.stdout;
  }

  get stderr(): string {
    return this.#said.stderr;
  }

  get hasEnded(): boolean {
    return this.#endedAt !== undefined;
  }

  /** How long it ran, until now or until its end, in seconds. */
  get seconds(): number {
    return ((this.#endedAt ?? performance.now()) - this.#began) / 1_000;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Lets no file of it grow any more, as when the disk is full; undefined: lets them grow again. */
  limitFiles(bytes: number | undefined): void {
    const { status, stderr } = spawnSync("prlimit", [`--pid=${this.pid}`, `--fsize=${bytes ?? "unlimited"}:unlimited`]);
    if (status !== 0) throw new Error(stderr.toString());
  }

  /** Resolves when standard output holds a text. */
  async says(text: string): Promise<void> {
    const seen = (): string => this.stdout.slice(-500) + this.stderr;
    await until(
      `${JSON.stringify(text)} in standard output`,
      () => {
        if (!this.stdout.includes(text) && this.hasEnded)
          throw new Error(`it ended without ${JSON.stringify(text)}: ${seen()}`);
        return this.stdout.includes(text);
      },
      seen,
    );
  }

  /** Memory in MB: now, and the most since it began. */
  get memory(): { readonly now: number; readonly most: number } {
    const text = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const kb = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
    return { now: kb("VmRSS") / 1_000, most: kb("VmHWM") / 1_000 };
  }
}

/** A program that runs until it is stopped, and writes its log as lines of JSON. */
export class Served extends Running {
  /** The lines of its log that have this as their event. */
  logged(event: string): readonly Readonly<Record<string, unknown>>[] {
    return this.stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === event);
  }

  /** Waits until it has logged an event so often, whose fields are among others these. */
  async logs(event: string, fields: Readonly<Record<string, unknown>> = {}, times = 1): Promise<void> {
    const seen = (): string => this.stdout + this.stderr;
    await until(
      `${event} ${JSON.stringify(fields)} in its log`,
      () => {
        if (this.hasEnded) throw new Error(`it ended: ${seen()}`);
        return this.count(event, fields) >= times;
      },
      seen,
    );
  }

  count(event: string, fields: Readonly<Record<string, unknown>> = {}): number {
    return this.logged(event).filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value))
      .length;
  }

  /** Ends it, and waits until it has. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    this.kill(signal);
    return this.ended;
  }
}
