import type { Address } from "../../wire/client-connect.ts";
import { CodedError } from "../../wire/errors.ts";
import type { McpSessionOptions } from "../../wire/request.ts";
import type { McpServing } from "../engine/rooms.ts";
import type { Attached, Launch, RunResult } from "../exec/run.ts";
import type { OwnProgram } from "../util/own-program.ts";

/** MCP servers that one token may have at the same time. */
const MAX_PER_SESSION = 8;
/** Longer than any token lives; the token's own end is what counts. */
const LIFETIME_MS = 25 * 60 * 60 * 1_000;
/** Between TERM and KILL. The server has nothing to finish. */
const GRACE_MS = 500;

type Start = (launch: Launch, signal: AbortSignal, attached: Attached) => Promise<RunResult>;

function addressOptions(address: Address): readonly string[] {
  if (address.kind === "unix") return ["-socket", address.path];
  return ["-host", address.host, "-port", String(address.port)];
}

function clientOptions({ tools, maxTokens, timeoutSeconds }: McpSessionOptions): readonly string[] {
  const option = (name: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [name, String(value)];
  return [...option("-tools", tools), ...option("-max-tokens", maxTokens), ...option("-timeout", timeoutSeconds)];
}

/**
 * The MCP servers that this daemon runs for clients who bring no program of their own, one process for each. Such a process has the token of its
 * session in its environment, nothing else there, and reaches the daemon as any other client.
 */
export class McpSessions {
  readonly #program: OwnProgram;
  readonly #address: () => Address;
  readonly #start: Start;
  readonly #open = new Map<string, Set<AbortController>>();

  constructor(program: OwnProgram, address: () => Address, start: Start) {
    this.#program = program;
    this.#address = address;
    this.#start = start;
  }

  /** Resolves when the server has ended. @throws CodedError `too_many_sessions`, `spawn_failed`, `command_not_found` */
  async serve({ session, token, options }: McpServing, signal: AbortSignal, attached: Attached): Promise<RunResult> {
    const open = this.#open.get(session.key) ?? new Set();
    if (open.size >= MAX_PER_SESSION)
      throw new CodedError("too_many_sessions", `${MAX_PER_SESSION} MCP sessions are open with this token`);
    const orphaned = new AbortController();
    this.#open.set(session.key, open.add(orphaned));
    try {
      return await this.#start(this.#launch(token, options), AbortSignal.any([signal, orphaned.signal]), attached);
    } finally {
      open.delete(orphaned);
      if (open.size === 0) this.#open.delete(session.key);
    }
  }

  /** How many servers run. */
  get count(): number {
    return [...this.#open.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Ends the servers of sessions that are no longer valid: their clients may come again with a newer token. */
  endOrphans(isSession: (key: string) => boolean): void {
    for (const [key, open] of this.#open) {
      if (isSession(key)) continue;
      for (const server of open) server.abort("cancelled");
    }
  }

  #launch(token: string, options: McpSessionOptions): Launch {
    const { file, args } = this.#program;
    return {
      command: { file, argv0: file },
      args: [...args, ...addressOptions(this.#address()), ...clientOptions(options)],
      env: new Map([
        ["CMD2HOST_TOKEN", token],
        ["CMD2HOST_HOSTED", "1"],
      ]),
      cwd: "/",
      timeoutMs: LIFETIME_MS,
      graceMs: GRACE_MS,
      maxStdoutBytes: 0,
      maxStderrBytes: 0,
    };
  }
}
