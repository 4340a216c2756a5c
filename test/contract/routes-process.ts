import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import type { Address } from "../../wire/client.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import type { Base } from "../fixtures/base.ts";
import { atEnd, projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE, wordsOf } from "../fixtures/tested-program.ts";

/** The daemon as a process of its own, whose memory and open files can be counted. */

const banner = `import { createRequire as testCreateRequire } from "node:module";
const require = testCreateRequire(import.meta.url);
const testFilename = import.meta.filename, testDirname = import.meta.dirname;`;

/** `cmd2host` as it is shipped, built into a directory of the test's own: what others build or delete meanwhile does not matter. */
export async function buildProgram(): Promise<string> {
  if (EXECUTABLE !== undefined) return EXECUTABLE;
  const outdir = join(tempDirectory(), "dist");
  await build({
    entryPoints: { cmd2host: join(projectRoot, "host/main.ts") },
    outdir,
    splitting: true,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outExtension: { ".js": ".mjs" },
    mainFields: ["module", "main"],
    define: { CMD2HOST_VERSION: '"test"', __filename: "testFilename", __dirname: "testDirname" },
    banner: { js: banner },
    logLevel: "silent",
  });
  return join(outdir, "cmd2host.mjs");
}

/** What a process holds. */
export interface Held {
  /** Megabytes in memory. */
  readonly rss: number;
  /** Open files. */
  readonly files: number;
}

export class DaemonProcess {
  readonly child: ChildProcess;
  readonly address: Address & { readonly kind: "unix" };
  readonly exit: Promise<number | null>;
  #output = "";

  private constructor(child: ChildProcess, path: string) {
    this.child = child;
    this.address = { kind: "unix", path };
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (this.#output += chunk.toString("utf8")));
    this.exit = new Promise((resolve) => child.once("exit", resolve));
  }

  /** Starts it and waits until it listens. It is killed when the test or file ends. Its environment is PATH, HOME and what is given. */
  static async start(
    program: string,
    base: Base,
    config: DaemonConfig = {},
    more: NodeJS.ProcessEnv = {},
  ): Promise<DaemonProcess> {
    base.writeDaemon({ listen_mode: "unix", drain_timeout: 1, kill_grace: 300, ...config });
    const { PATH, TMPDIR } = process.env;
    const env = {
      PATH,
      HOME: base.root,
      CMD2HOST_CONFIG_DIR: base.root,
      ...(TMPDIR === undefined ? {} : { TMPDIR }),
      ...more,
    };
    const [file, ...first] = wordsOf(program);
    const child = spawn(file, [...first, "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
    const daemon = new DaemonProcess(child, join(base.root, "cmd2host.sock"));
    atEnd(() => {
      child.kill("SIGKILL");
    });
    while (!daemon.output.includes("listening")) {
      if (child.exitCode !== null) throw new Error(`the daemon did not start: ${daemon.output}`);
      await sleep(10);
    }
    return daemon;
  }

  /** What it logged. */
  get output(): string {
    return this.#output;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error("it was not started");
    return pid;
  }

  held(): Held {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
    return { rss: kilobytes / 1_024, files: readdirSync(`/proc/${this.pid}/fd`).length };
  }

  /** Watches its memory until the work is done; gives the most that was seen, in megabytes. */
  async peakOf(work: () => Promise<unknown>): Promise<number> {
    let peak = this.held().rss;
    const timer = setInterval(() => {
      peak = Math.max(peak, this.held().rss);
    }, 20);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    return Math.max(peak, this.held().rss);
  }

  /** True when it has no more open files than `before`, soon. */
  async hasClosed(before: Held, ms = 10_000): Promise<boolean> {
    return soon(() => this.held().files <= before.files, ms);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return this.exit;
  }
}

/** Whether something comes true within a time. */
export async function soon(check: () => boolean, ms = 10_000): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!check()) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Processes whose environment holds this entry: what a run started and did not take its environment from. */
export function withMark(mark: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const isThere = readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(mark);
      const isOver = /^\d+ \(.*\) [ZX]/su.test(readFileSync(`/proc/${name}/stat`, "utf8"));
      return isThere && !isOver ? [Number(name)] : [];
    } catch {
      return []; // gone meanwhile
    }
  });
}
