/** Our agent and our client in one process, over real sockets. */
import { expect } from "vitest";
import { CommandoClient, type ConnectOptions } from "../../capnp/commando/client.ts";
import type { AgentHost } from "../../capnp/commando/host.ts";
import type { ExecRequest } from "../../capnp/commando/schema.ts";
import { serveGateway, type ServedGateway, type ServeOptions } from "../../capnp/commando/server.ts";
import type { OutputSink } from "../../wire/live.ts";
import { atEnd } from "../fixtures/temp.ts";
import { listening } from "./sockets.ts";

export const NEVER = new AbortController().signal;

export interface Agent {
  readonly port: number;
  /** Every connection that was made. */
  readonly served: readonly ServedGateway[];
  readonly bugs: readonly unknown[];
}

export async function agent(host: AgentHost, options: Partial<ServeOptions> = {}): Promise<Agent> {
  const served: ServedGateway[] = [];
  const bugs: unknown[] = [];
  const port = await listening((socket) => {
    served.push(serveGateway(socket, host, { address: "127.0.0.1", onBug: (error) => bugs.push(error), ...options }));
  });
  return { port, served, bugs };
}

/** A client that is closed at the end. */
export async function client(port: number, options: Partial<ConnectOptions> = {}): Promise<CommandoClient> {
  const made = await CommandoClient.connect({
    host: "127.0.0.1",
    port,
    psk: Buffer.from("secret"),
    connectTimeoutMs: 5_000,
    replyTimeoutMs: 10_000,
    signal: NEVER,
    ...options,
  });
  atEnd(() => {
    made.close();
  });
  return made;
}

export function command(text: string, options: Partial<ExecRequest> = {}): ExecRequest {
  return { command: text, workDir: "", timeoutSecs: 60, extraEnv: new Map(), requestId: "", ...options };
}

/** Keeps what comes. */
export class Kept implements OutputSink {
  readonly pieces: (readonly [stream: string, bytes: Buffer])[] = [];

  write(stream: "stdout" | "stderr", bytes: Buffer): undefined {
    this.pieces.push([stream, Buffer.from(bytes)]);
    return undefined;
  }

  of(stream: string): string {
    return Buffer.concat(this.pieces.flatMap(([name, bytes]) => (name === stream ? [bytes] : []))).toString();
  }
}

/** An error with a code whose message matches. */
export function coded(code: string, message: RegExp): unknown {
  return expect.objectContaining({ code, message: expect.stringMatching(message) as string });
}

/** Has no room after the first piece, until it is opened. */
export class Gate implements OutputSink {
  taken = 0;
  pieces = 0;
  readonly #waiting: (() => void)[] = [];
  #isOpen = false;

  write(_: string, bytes: Buffer): Promise<void> | undefined {
    this.taken += bytes.length;
    this.pieces++;
    return this.#isOpen ? undefined : this.#opened();
  }

  open(): void {
    this.#isOpen = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #opened(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
