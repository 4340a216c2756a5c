import { CommandoClient } from "../../capnp/commando/client.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { OperationInfo, OutcomeFields } from "../../wire/schema.ts";
import type { Pong } from "../target.ts";
import type { Agent, Via } from "./agent.ts";

const KEEP_ALIVE_REPLY_MS = 10_000;
const EXIT_TIMED_OUT = 137;

/** Where an agent of commando is, and what opens it. */
export interface CommandoPlace {
  readonly host: string;
  readonly port: number;
  readonly psk: Buffer;
  readonly connectTimeoutMs: number;
  /** For a call that does not say. 0: 60 seconds, as in the original. */
  readonly defaultTimeoutSeconds: number;
}

/** The only thing that these agents can do. */
const SHELL: OperationInfo = {
  id: "shell",
  command: "sh",
  description: "Runs a command in the machine's shell (an agent of commando).",
  params: { command: { type: "string" } },
};

/** What is asked of a shell. */
interface ShellAsked {
  readonly command: string;
  readonly workDir: string;
  /** Undefined: the gateway's default. */
  readonly timeoutSecs: number | undefined;
  readonly env: ReadonlyMap<string, string>;
}

function member(message: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(message, name)?.value as unknown;
}

/** @throws CodedError `operation_unknown`, `param_invalid` */
function shellAsked(message: object): ShellAsked {
  if (member(message, "operation") !== SHELL.id)
    throw new CodedError("operation_unknown", "an agent of commando has one operation, shell");
  const params = member(message, "params");
  const command = typeof params === "object" && params !== null ? member(params, "command") : undefined;
  if (typeof command !== "string") throw new CodedError("param_invalid", "shell: command is missing");
  const [workDir, seconds, env] = [
    member(message, "work_dir"),
    member(message, "timeout_seconds"),
    member(message, "env"),
  ];
  return {
    command,
    workDir: typeof workDir === "string" ? workDir : "",
    timeoutSecs: typeof seconds === "number" ? seconds : undefined,
    env: new Map(typeof env === "object" && env !== null ? (Object.entries(env) as [string, string][]) : []),
  };
}

/** Longest profile of an agent that is looked at, in characters, and most stages of it. */
const MAX_PROFILE = 4_096;
const MAX_STAGES = 32;

/** Every number of what an agent says about its own time. It comes from outside. */
function agentTimings(profile: string): readonly (readonly [string, number])[] {
  if (profile.length > MAX_PROFILE) return [];
  try {
    const stages: unknown = JSON.parse(profile);
    if (typeof stages !== "object" || stages === null) return [];
    return Object.entries(stages)
      .filter((entry): entry is [string, number] => typeof entry[1] === "number" && /^[a-z_]{1,40}$/.test(entry[0]))
      .slice(0, MAX_STAGES)
      .map(([name, ms]) => [`agent_${name}`, ms] as const);
  } catch {
    return [];
  }
}

/** An agent of commando: one connection for each thing that is asked, as its own gateway has it. */
export class CommandoAgent implements Agent {
  readonly #place: CommandoPlace;

  constructor(place: CommandoPlace) {
    this.#place = place;
  }

  async ping(_via: Via, signal: AbortSignal): Promise<Pong> {
    return this.#connected(signal, async (client) => {
      const { hostname, uptimeSecs, shell, version } = await client.ping(signal);
      return { hostname, uptimeSeconds: uptimeSecs, shell, version };
    });
  }

  async run(message: object, via: Via, live: Live, signal: AbortSignal): Promise<OutcomeFields> {
    const { command, workDir, env, ...asked } = shellAsked(message);
    const timeoutSecs = asked.timeoutSecs ?? this.#place.defaultTimeoutSeconds;
    const total = { stdout: 0, stderr: 0 };
    const output: Live["output"] = {
      write: (stream, bytes): Promise<void> | undefined => {
        total[stream] += bytes.length;
        return live.output.write(stream, bytes);
      },
    };
    const began = performance.now();
    return this.#connected(signal, async (client) => {
      const connected = performance.now();
      live.accepted({ run_id: via.id, operation: SHELL.id, stdin: false, timeout_seconds: timeoutSecs });
      const request = { command, workDir, timeoutSecs, extraEnv: env, requestId: via.id };
      const { exitCode, timedOut, profilerJson } = await client.execStream(request, output, signal);
      const timings = Object.fromEntries([
        // Both in one: the client counts them together.
        ["rpc_tcp_connect", connected - began],
        ["rpc_auth", 0],
        ["rpc_exec", performance.now() - connected],
        ...agentTimings(profilerJson),
      ]);
      const sizes = { stdout_bytes: total.stdout, stderr_bytes: total.stderr };
      if (!timedOut) return { outcome: "completed", exit_code: exitCode & 0xff, ...sizes, timings };
      const failed = { outcome: "failed", code: "timed_out", message: "Command timed out" } as const;
      return { ...failed, exit_code: EXIT_TIMED_OUT, ...sizes, timings };
    });
  }

  async ask(message: object): Promise<object> {
    if (Object.hasOwn(message, "list_operations"))
      return Promise.resolve({ operations: [SHELL], revision: "commando" });
    if (Object.hasOwn(message, "describe_operation")) return Promise.resolve({ operation: SHELL });
    if (Object.hasOwn(message, "explain_operation"))
      throw new CodedError(
        "argv_no_match",
        "an agent of commando finds no operation for a command line: it has a shell",
        {
          hint: "Write the command as one word: cmd2host exec TARGET 'COMMAND'.",
        },
      );
    throw new CodedError("rpc_failed", "an agent of commando cannot be asked this: it only runs commands", {
      hint: "Install the cmd2host agent on the machine.",
    });
  }

  async #connected<T>(signal: AbortSignal, work: (client: CommandoClient) => Promise<T>): Promise<T> {
    const client = await CommandoClient.connect({ ...this.#place, replyTimeoutMs: KEEP_ALIVE_REPLY_MS, signal });
    try {
      return await work(client);
    } finally {
      client.close();
    }
  }
}
