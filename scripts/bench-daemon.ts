import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "../wire/client.ts";
import { wordsOf } from "./start-words.ts";
import type { DaemonConfig, ProjectConfig } from "../wire/schema.ts";

/** Whether memory, descriptors and processes of others can be looked at here. */
export const hasProc = process.platform === "linux";

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

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

/** Resident memory of a process in MB: now, or at its peak since the last reset. */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const match = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? Number.NaN) / 1_024;
}

/** A real daemon as a process, and the base directory that it serves. Who makes one removes the directory. */
export class BenchDaemon {
  readonly base: string;
  /** A checkout of `owner/repo`. */
  readonly repo: string;
  readonly unix: Address;
  readonly environment: Readonly<Record<string, string>>;
  readonly #program: string;
  #child: ChildProcess | undefined;

  /**
   * @param program the bundle, or an executable
   * @param path PATH of the daemon
   */
  constructor(program: string, base: string, path: string) {
    this.base = base;
    this.repo = join(base, "repo");
    this.unix = { kind: "unix", path: join(base, "cmd2host.sock") };
    this.environment = { PATH: path, HOME: base, CMD2HOST_CONFIG_DIR: base };
    this.#program = program;
    mkdirSync(this.repo, { recursive: true });
    for (const args of [
      ["init", "-q"],
      ["remote", "add", "origin", "git@github.com:owner/repo.git"],
    ])
      execFileSync("git", args, { cwd: this.repo });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Adds an approved project on `repo`, unless it says another place, with every operation allowed; returns a token. */
  project(id: string, config: ProjectConfig): string {
    const directory = join(this.base, "projects", id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const whole: ProjectConfig = {
      repos: ["owner/repo"],
      repo_paths: [this.repo],
      allowed_operations: Object.keys(config.operations ?? {}),
      ...config,
    };
    writeFileSync(join(directory, "config.json"), JSON.stringify(whole), { mode: 0o600 });
    this.#cli("config", "allow", id);
    return this.#cli("token", "mint", "--project", id).trim();
  }

  /**
   * Resolves when it listens, with how long that took in milliseconds.
   * @param log an open file; nobody reads the log when there is none
   */
  async start(config: DaemonConfig, log: number | "ignore" = "ignore"): Promise<number> {
    writeFileSync(join(this.base, "daemon.json"), JSON.stringify(config), { mode: 0o600 });
    const started = performance.now();
    const [file, ...first] = wordsOf(this.#program);
    const child = spawn(file, [...first, "serve"], {
      env: this.environment,
      stdio: ["ignore", log, "inherit"],
    });
    this.#child = child;
    while (!(await reachable(this.unix))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error("the daemon does not start");
      await sleep(2);
    }
    return performance.now() - started;
  }

  /** The exit code; null when a signal ended it. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    return exit;
  }

  /** Resident memory in MB now; NaN where it cannot be seen. */
  memory(): number {
    return hasProc ? memoryOf(this.pid, "VmRSS") : Number.NaN;
  }

  /** How many MB its memory grows at most while `work` goes on; NaN where it cannot be seen. */
  async growth(work: () => Promise<unknown>): Promise<number> {
    const before = this.memory();
    if (hasProc) writeFileSync(`/proc/${this.pid}/clear_refs`, "5");
    await work();
    return hasProc ? memoryOf(this.pid, "VmHWM") - before : Number.NaN;
  }

  #cli(...args: readonly string[]): string {
    const [file, ...first] = wordsOf(this.#program);
    return execFileSync(file, [...first, ...args], { env: this.environment, encoding: "utf8" });
  }
}
