import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Connection } from "../rpc/connection.ts";
import { RpcException } from "../rpc/exception.ts";
import { Authenticator } from "./authenticator.ts";
import { CommandAgent } from "./command-agent.ts";
import type { AgentHost } from "./host.ts";
import { GATEWAY, UNAUTHENTICATED } from "./limits.ts";

const KEEP_ALIVE_MS = 60_000;

/** How a connection is served. */
export interface ServeOptions {
  /** Where the gateway is, for what wrong keys cost it. */
  readonly address: string;
  /** How long it may take to prove that it has the key, in milliseconds. */
  readonly authenticationMs?: number;
  /** Told of errors that are no `CodedError`s. */
  readonly onBug?: (error: unknown) => void;
}

/** A connection of a commando gateway to this agent. */
export class ServedGateway {
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  #isAdmitted = false;

  constructor(stream: Duplex, host: AgentHost, options: ServeOptions) {
    const { address, authenticationMs = 30_000, onBug } = options;
    if (stream instanceof Socket) {
      stream.setNoDelay(true);
      stream.setKeepAlive(true, KEEP_ALIVE_MS);
    }
    this.#timer = setTimeout(() => {
      this.close("not authenticated in time");
    }, authenticationMs);
    this.#connection = new Connection(stream, {
      limits: UNAUTHENTICATED,
      bootstrap: new Authenticator(host, address, new CommandAgent(host), () => {
        this.#admit();
      }),
      ...(onBug === undefined ? {} : { onBug }),
      onOver: () => {
        clearTimeout(this.#timer);
      },
    });
  }

  /** True once the gateway has proved that it has the key. */
  get isAdmitted(): boolean {
    return this.#isAdmitted;
  }

  /** Resolves when the stream is closed. */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  /** How much of it the connection holds; all zero when nothing runs and the gateway holds nothing. */
  get sizes(): Connection["sizes"] {
    return this.#connection.sizes;
  }

  /** Tells the gateway why, and closes. Its commands are aborted. */
  close(reason: string): void {
    this.#connection.close(new RpcException("disconnected", reason));
  }

  #admit(): void {
    clearTimeout(this.#timer);
    this.#isAdmitted = true;
    this.#connection.allow(GATEWAY);
  }
}

/** Serves a commando gateway on a stream that was accepted. How many of them there are is for the accepter to bound. */
export function serveGateway(stream: Duplex, host: AgentHost, options: ServeOptions): ServedGateway {
  return new ServedGateway(stream, host, options);
}
