import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Socket } from "node:net";
import { CodedError } from "../../wire/errors.ts";
import type { Live, OutputSink } from "../../wire/live.ts";
import type { Completed, Failed } from "../../wire/outcome.ts";
import { Attempts } from "../../capnp/commando/attempts.ts";
import type { AgentHost } from "../../capnp/commando/host.ts";
import type { ExecRequest, ExecResult } from "../../capnp/commando/schema.ts";
import { serveGateway, type ServedGateway } from "../../capnp/commando/server.ts";
import type { LinkSessions } from "../auth/link-sessions.ts";
import { Tail } from "../exec/tail.ts";
import { Slots } from "../exchange/limits.ts";
import type { Log } from "../util/log.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { VERSION } from "../util/version.ts";
import type { Handle } from "./passed-on.ts";

const MAX_PSK_FILE = 4_096;
/** Connections of gateways, in all; and those that have not proved their key. */
const MAX_CONNECTIONS = 128;
/** What `exec`, which no gateway calls, gives back of each stream; as in commando. */
const TAIL_BYTES = 131_072;
/** What 0 means. */
const DEFAULT_SECONDS = 60;
const OPERATION = "shell";
/** For sessions and records: these gateways have no names. */
export const COMMANDO_GATEWAY = "commando";

export interface CommandoOptions {
  readonly pskFile: string;
  readonly project: string;
  /** What this machine calls itself. */
  readonly agent: string;
  readonly log: Log;
  readonly sessions: LinkSessions;
  readonly handle: Handle;
  readonly maxConcurrent: number;
}

/** @throws CodedError `agent_config_invalid`, `config_untrusted` */
function readPsk(file: string): Buffer {
  const bytes = readTrusted(file, MAX_PSK_FILE)?.bytes;
  const text = bytes?.toString("utf8").trim() ?? "";
  if (text === "")
    throw new CodedError("agent_config_invalid", `agent: ${file}: there is no key`, {
      hint: "Put the key of [agent.psk] of commando's gateway into the file, readable for its owner only.",
    });
  return Buffer.from(text, "utf8");
}

/** Lets gateways of commando in, by its own protocol: what they send is the operation `shell` of a project, and nothing else. */
export class CommandoDoor {
  readonly #options: CommandoOptions;
  readonly #host: AgentHost;
  readonly #served = new Set<ServedGateway>();
  readonly #slots: Slots;
  /** As the policy has it that was found last. */
  #shell = "";

  private constructor(options: CommandoOptions, psk: Buffer) {
    this.#options = options;
    this.#slots = new Slots(options.maxConcurrent);
    this.#host = {
      psk,
      attempts: new Attempts(),
      ping: () => {
        void this.#lookForShell();
        const uptimeSecs = Math.floor(process.uptime());
        return { hostname: hostname(), uptimeSecs, shell: this.#shell, version: VERSION };
      },
      exec: async (request, signal) => this.#collected(request, signal),
      execStream: async (request, output, signal) => this.#streamed(request, output, signal),
    };
    void this.#lookForShell();
  }

  /** Which shell the machine's policy names. Only shown. */
  async #lookForShell(): Promise<void> {
    const { sessions, project, agent, handle } = this.#options;
    const token = sessions.tokenFor(COMMANDO_GATEWAY, COMMANDO_GATEWAY, project);
    const via = { caller: COMMANDO_GATEWAY, target: agent, id: randomUUID() };
    const peer = { transport: "link", id: "link:commando", via } as const;
    const reply = await handle({ protocol: 2, ping: true, token }, peer, new AbortController().signal);
    if (reply.shape === "pong" && "pong" in reply) this.#shell = reply.pong.shell;
  }

  /** @throws CodedError `agent_config_invalid`, `config_untrusted` */
  static open(options: CommandoOptions): CommandoDoor {
    return new CommandoDoor(options, readPsk(options.pskFile));
  }

  take(socket: Socket): void {
    const { log } = this.#options;
    if (this.#served.size >= MAX_CONNECTIONS) {
      log.warn("commando: too many connections", { peer: socket.remoteAddress });
      socket.destroy();
      return;
    }
    const served = serveGateway(socket, this.#host, {
      address: socket.remoteAddress ?? "",
      onBug: (error) => {
        log.error("commando: internal error", { reason: error instanceof Error ? error.message : String(error) });
      },
    });
    this.#served.add(served);
    void served.closed.then(() => this.#served.delete(served));
  }

  close(): void {
    for (const served of this.#served) served.close("the agent stops");
  }

  async #collected(request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
    const tails = { stdout: new Tail(TAIL_BYTES), stderr: new Tail(TAIL_BYTES) };
    const written = { stdout: 0, stderr: 0 };
    const result = await this.#streamed(
      request,
      {
        write: (stream, bytes) => {
          written[stream] += bytes.length;
          tails[stream].take(bytes);
          return undefined;
        },
      },
      signal,
    );
    return {
      ...result,
      stdout: tails.stdout.result(),
      stderr: tails.stderr.result(),
      truncated: written.stdout > TAIL_BYTES || written.stderr > TAIL_BYTES,
    };
  }

  async #streamed(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    if (!this.#slots.take()) throw new CodedError("agent_full", "too many concurrent exec requests");
    try {
      return await this.#run(request, output, signal);
    } finally {
      this.#slots.release();
    }
  }

  async #run(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    const { sessions, project, agent, handle } = this.#options;
    const started = performance.now();
    const live: Live = { accepted: () => undefined, notice: () => undefined, output, stdin: undefined };
    const message = {
      protocol: 2,
      operation: OPERATION,
      params: { command: request.command },
      work_dir: request.workDir,
      env: Object.fromEntries(request.extraEnv),
      timeout_seconds: request.timeoutSecs === 0 ? DEFAULT_SECONDS : request.timeoutSecs,
      filtered: false,
      token: sessions.tokenFor(COMMANDO_GATEWAY, COMMANDO_GATEWAY, project),
    };
    const via = { caller: COMMANDO_GATEWAY, target: agent, id: randomUUID() };
    const reply = await handle(message, { transport: "link", id: "link:commando", via }, signal, live);
    if (reply.shape !== "operation") throw new CodedError("internal", "no operation's reply to an operation");
    const { outcome } = reply;
    if (outcome.kind === "denied") throw new CodedError(outcome.code, outcome.message, { hint: outcome.hint });
    return resultOf(outcome, request, performance.now() - started);
  }
}

/** @throws CodedError what kept it from running */
function resultOf(outcome: Completed | Failed, request: ExecRequest, ms: number): ExecResult {
  const timedOut = outcome.kind === "failed" && outcome.code === "timed_out";
  if (outcome.kind === "failed" && !timedOut)
    throw new CodedError(outcome.code, outcome.message, { hint: outcome.hint });
  const total = Math.round(ms * 1_000) / 1_000;
  return {
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
    // What commando says of a command that ran out of time.
    exitCode: timedOut ? 137 : outcome.exitCode,
    durationMs: Math.round(ms),
    timedOut,
    truncated: false,
    requestId: request.requestId,
    // The members of commando's own agent; what is 0 here takes no time of its own.
    profilerJson: JSON.stringify({
      parse_params_ms: 0,
      execute_ms: total,
      drain_callbacks_ms: 0,
      drain_count: 0,
      total_ms: total,
    }),
  };
}
