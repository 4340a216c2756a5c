import { CodedError } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import type { Capability, PendingCall } from "../rpc/capability.ts";
import { Connection } from "../rpc/connection.ts";
import { RpcException } from "../rpc/exception.ts";
import type { Content } from "../rpc/object.ts";
import type { StructReader } from "../wire/reader.ts";
import { bounded } from "./bounded-call.ts";
import { dialled, type DialOptions } from "./dial.ts";
import { cancelled, failureOf, refusalOf, shown } from "./failure.ts";
import { AGENT, AGENT_WITH_RESULT, UNAUTHENTICATED } from "./limits.ts";
import { NONCE_BYTES, proofOf } from "./proof.ts";
import { Receiver } from "./receiver.ts";
import {
  AUTHENTICATOR,
  bytesContent,
  COMMAND_AGENT,
  execParams,
  readPong,
  readResult,
  type ExecRequest,
  type ExecResult,
  type Pong,
} from "./schema.ts";
import { Watch } from "./watch.ts";

/** How an agent of commando is reached. */
export interface ConnectOptions extends DialOptions {
  readonly psk: Buffer;
  /** How long each answer may take that is not that of a command. */
  readonly replyTimeoutMs: number;
  /** Told of errors that are ours. */
  readonly onBug?: (error: unknown) => void;
}

/** What an agent returned to whoever has its key. */
interface Admission {
  readonly agent: Capability;
  readonly version: string;
}

function goodbye(): RpcException {
  return new RpcException("disconnected", "client requested disconnect");
}

function demandWanted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

/**
 * A connection to an agent of commando that has accepted the key. Nothing about the agent is proved: commando's agents do not authenticate
 * themselves. When a call on it was cancelled it is closed, as soon as no other call is under way.
 */
export class CommandoClient {
  /** The version of the agent, as it says itself. */
  readonly agentVersion: string;
  readonly #connection: Connection;
  readonly #agent: Capability;
  readonly #replyTimeoutMs: number;
  readonly #watch: Watch;
  #calls = 0;
  /** Calls whose results hold all output. */
  #results = 0;
  #hasCancelled = false;

  private constructor(connection: Connection, { agent, version }: Admission, replyTimeoutMs: number) {
    this.agentVersion = shown(version);
    this.#connection = connection;
    this.#agent = agent;
    this.#replyTimeoutMs = replyTimeoutMs;
    this.#watch = new Watch(connection, replyTimeoutMs, () => {
      this.#call(COMMAND_AGENT.ping, () => undefined);
    });
  }

  /**
   * Connects, and proves that we have the key.
   * @throws CodedError `target_unreachable`, `target_key_mismatch`, `rpc_failed`, `cancelled`
   */
  static async connect(options: ConnectOptions): Promise<CommandoClient> {
    const { onBug } = options;
    const connection = new Connection(await dialled(options), {
      limits: UNAUTHENTICATED,
      ...(onBug === undefined ? {} : { onBug }),
    });
    try {
      const admission = await admitted(connection, options);
      connection.allow(AGENT);
      return new CommandoClient(connection, admission, options.replyTimeoutMs);
    } catch (error) {
      connection.close(goodbye());
      throw error;
    }
  }

  /** Resolves when the connection is closed, by either side. */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  /** How much the connection holds of calls and objects. */
  get sizes(): Connection["sizes"] {
    return this.#connection.sizes;
  }

  /** @throws CodedError `target_unreachable`, `rpc_failed`, `cancelled` */
  async ping(signal: AbortSignal): Promise<Pong> {
    demandWanted(signal);
    const call = this.#call(COMMAND_AGENT.ping, readPong);
    const { hostname, uptimeSecs, shell, version } = await this.#answer(call, signal, this.#replyTimeoutMs);
    return { hostname: shown(hostname), uptimeSecs, shell: shown(shell), version: shown(version) };
  }

  /**
   * Runs a command whose output comes with its result.
   * @throws CodedError `target_unreachable`, `agent_full`, `rpc_failed`, `cancelled`
   */
  async exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
    demandWanted(signal);
    this.#results++;
    this.#connection.allow(AGENT_WITH_RESULT);
    try {
      return await this.#command(this.#call(COMMAND_AGENT.exec, readResult, execParams(request)), signal);
    } finally {
      if (--this.#results === 0) this.#connection.allow(AGENT);
    }
  }

  /**
   * Runs a command whose output goes to a sink as it comes. Resolves when the sink has taken all of it.
   * @throws CodedError as `exec`
   */
  async execStream(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult> {
    demandWanted(signal);
    const receiver = new Receiver(output, () => this.#connection.hold());
    const close = (): void => {
      receiver.close();
    };
    signal.addEventListener("abort", close, { once: true });
    try {
      return await this.#command(
        this.#call(COMMAND_AGENT.execStream, readResult, execParams(request, receiver)),
        signal,
      );
    } finally {
      // Also when the call failed: what came before that came.
      if (!signal.aborted) await receiver.emptied();
      receiver.close();
      signal.removeEventListener("abort", close);
    }
  }

  /** Tells the agent, and closes. Commands that run are ended. */
  close(): void {
    this.#connection.close(goodbye());
  }

  #call<T>(method: number, read: (results: StructReader) => T, params?: Content): PendingCall<T> {
    return this.#agent.call({
      interfaceId: COMMAND_AGENT.id,
      method,
      ...(params === undefined ? {} : { params }),
      read: (results) => read(results.content),
    });
  }

  async #command(call: PendingCall<ExecResult>, signal: AbortSignal): Promise<ExecResult> {
    const end = this.#watch.begin();
    try {
      return await this.#answer(call, signal);
    } finally {
      end();
    }
  }

  async #answer<T>(call: PendingCall<T>, signal: AbortSignal, timeoutMs?: number): Promise<T> {
    this.#calls++;
    try {
      return await bounded(call, {
        signal,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        onCancelled: () => {
          this.#hasCancelled = true;
        },
      });
    } catch (error) {
      throw failureOf(error);
    } finally {
      this.#calls--;
      // Commando's agents leave a connection open for ever, and with it what they did not end.
      if (this.#hasCancelled && this.#calls === 0) this.close();
    }
  }
}

async function admitted(connection: Connection, options: ConnectOptions): Promise<Admission> {
  const { psk, replyTimeoutMs: timeoutMs, signal } = options;
  const authenticator = connection.bootstrap();
  try {
    const nonce = await bounded(
      authenticator.call({
        interfaceId: AUTHENTICATOR.id,
        method: AUTHENTICATOR.challenge,
        read: ({ content }) => Buffer.from(content.data(0)),
      }),
      { signal, timeoutMs },
    ).catch((error: unknown) => {
      throw failureOf(error);
    });
    // Whoever is there gets a proof for nonces only, and not for any message it likes.
    if (nonce.length !== NONCE_BYTES)
      throw new CodedError("rpc_failed", `the agent's challenge has ${nonce.length} bytes instead of ${NONCE_BYTES}`);
    return await bounded(
      authenticator.call({
        interfaceId: AUTHENTICATOR.id,
        method: AUTHENTICATOR.authenticate,
        params: bytesContent(proofOf(psk, nonce)),
        read: (results) => {
          const agent = results.capability(0);
          if (agent === undefined)
            throw new CodedError("rpc_failed", "the agent accepts the key and gives nothing to call");
          return { agent, version: results.content.text(1) };
        },
      }),
      { signal, timeoutMs },
    ).catch((error: unknown) => {
      throw refusalOf(error);
    });
  } finally {
    authenticator.release();
  }
}
