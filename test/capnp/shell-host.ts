/** An agent for tests: runs commands with `sh`, by the facts of commando.md §9. */
import { spawn } from "node:child_process";
import { hostname } from "node:os";
import { CodedError } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import { Attempts } from "../../capnp/commando/attempts.ts";
import type { AgentHost } from "../../capnp/commando/host.ts";
import type { ExecRequest, ExecResult, Pong } from "../../capnp/commando/schema.ts";

const TAIL_BYTES = 131_072;
const BASE = new Map([
  ["HOME", "/root"],
  ["USER", "root"],
  ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  ["SHELL", "sh"],
  ["LANG", "C.UTF-8"],
  ["TERM", "dumb"],
  ["NO_COLOR", "1"],
]);

export class ShellHost implements AgentHost {
  readonly psk: Buffer;
  readonly attempts: Attempts;
  readonly maxConcurrent: number;
  /** Process groups that were started, the newest last. */
  readonly groups: number[] = [];
  active = 0;
  aborted = 0;

  constructor(options: { readonly psk?: string; readonly attempts?: Attempts; readonly maxConcurrent?: number } = {}) {
    this.psk = Buffer.from(options.psk ?? "secret");
    this.attempts = options.attempts ?? new Attempts();
    this.maxConcurrent = options.maxConcurrent ?? 8;
  }

  ping(): Pong {
    return { hostname: hostname(), uptimeSecs: 7, shell: "sh", version: "0.5.13" };
  }

  async exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
    const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const result = await this.#run(request, signal, (stream, bytes) => {
      kept[stream].push(bytes);
      return undefined;
    });
    const [stdout, stderr] = [Buffer.concat(kept.stdout), Buffer.concat(kept.stderr)];
    return {
      ...result,
      stdout: stdout.subarray(-TAIL_BYTES),
      stderr: stderr.subarray(-TAIL_BYTES),
      truncated: Math.max(stdout.length, stderr.length) > TAIL_BYTES,
    };
  }

  async execStream(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    const result = await this.#run(request, signal, output.write.bind(output));
    return { ...result, profilerJson: '{"execute_ms":1.5}' };
  }

  async #run(
    request: ExecRequest,
    signal: AbortSignal,
    take: (stream: StreamName, bytes: Buffer) => Promise<void> | undefined,
  ): Promise<ExecResult> {
    if (this.active >= this.maxConcurrent) throw new CodedError("agent_full", `${this.maxConcurrent} run already`);
    this.active++;
    const started = performance.now();
    try {
      const exitCode = await this.#ended(request, signal, take);
      return {
        stdout: Buffer.alloc(0),
        stderr: Buffer.alloc(0),
        exitCode,
        durationMs: performance.now() - started,
        timedOut: false,
        truncated: false,
        requestId: request.requestId,
        profilerJson: "",
      };
    } finally {
      this.active--;
    }
  }

  async #ended(
    request: ExecRequest,
    signal: AbortSignal,
    take: (stream: StreamName, bytes: Buffer) => Promise<void> | undefined,
  ): Promise<number> {
    return new Promise((resolve) => {
      const child = spawn("sh", ["-c", request.command], {
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: Object.fromEntries([...BASE, ...request.extraEnv]),
        ...(request.workDir === "" ? {} : { cwd: request.workDir }),
      });
      const { pid } = child;
      if (pid !== undefined) this.groups.push(pid);
      const end = (): void => {
        this.aborted++;
        if (pid !== undefined) process.kill(-pid, "SIGKILL");
      };
      signal.addEventListener("abort", end, { once: true });
      for (const name of ["stdout", "stderr"] as const) {
        child[name].on("data", (bytes: Buffer) => {
          const room = take(name, bytes);
          if (room === undefined) return;
          child[name].pause();
          void room.then(() => child[name].resume());
        });
      }
      child.once("error", () => {
        resolve(-1);
      });
      child.once("close", (code) => {
        signal.removeEventListener("abort", end);
        resolve(code ?? -1);
      });
    });
  }
}
