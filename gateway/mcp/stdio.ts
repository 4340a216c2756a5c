import type { Readable, Writable } from "node:stream";
import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  parseJSONRPCMessage,
  type JSONRPCMessage,
  type RequestId,
  type Transport,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Caller } from "../calls.ts";
import { jsonValue } from "../http/json-value.ts";
import { fleetServer } from "./fleet-server.ts";
import { linesOf } from "./lines.ts";
import { INVALID_REQUEST, OriginalMcp, PARSE_ERROR, rpcError } from "./original.ts";
import type { ToolParts } from "./tool.ts";
import { asksForNewer, saysItsVersion } from "./versions.ts";

/** What is recorded as the place that calls over standard input come from. */
const PEER = "stdio";

/** Writes one message a line. A client that does not read holds up what is written. */
class LineWriter {
  readonly #output: Writable;
  /** Aborts when nobody reads any more. */
  readonly gone = new AbortController();

  constructor(output: Writable) {
    this.#output = output;
    const end = (): void => {
      this.gone.abort();
    };
    output.on("error", end).once("close", end);
  }

  async write(message: object): Promise<void> {
    return new Promise((resolve) => {
      this.#output.write(`${JSON.stringify(message)}\n`, () => {
        // Why it could not be written is in `gone`.
        resolve();
      });
    });
  }
}

/** The SDK's side of standard input and output. */
class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #writer: LineWriter;
  readonly #open = new Set<RequestId>();
  #onSettled = (): void => undefined;

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  async start(): Promise<void> {
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.#writer.write(message);
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) this.#settle(message.id);
  }

  async close(): Promise<void> {
    this.#open.clear();
    this.#onSettled();
    this.onclose?.();
    return Promise.resolve();
  }

  /** A message has come. @returns what it is answered with when it is none */
  receive(value: unknown): object | undefined {
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(value);
    } catch {
      return rpcError(null, INVALID_REQUEST, "not a JSON-RPC 2.0 message");
    }
    if (isJSONRPCRequest(message)) this.#open.add(message.id);
    else if ("method" in message && message.method === "notifications/cancelled") {
      // A cancelled request gets no answer.
      const id = message.params?.["requestId"];
      if (typeof id === "string" || typeof id === "number") this.#settle(id);
    }
    this.onmessage?.(message);
    return undefined;
  }

  /** Resolves when every request was answered. */
  async settled(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
  }

  #settle(id: RequestId | undefined): void {
    if (id !== undefined) this.#open.delete(id);
    if (this.#open.size === 0) this.#onSettled();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

/** What MCP over standard input and output is served with. */
export interface StdioOptions {
  readonly parts: ToolParts;
  /** On whose behalf: whoever started the gateway. No key is needed. */
  readonly caller: Caller;
  readonly input: Readable;
  readonly output: Writable;
}

/**
 * Serves MCP over standard input and output until the client has gone; what it asked for before is answered, and what still runs then is ended. Clients of the original's version are
 * answered one after the other, in their order; newer ones as soon as each answer is there.
 * @throws CodedError `frame_too_large`
 */
export async function serveMcpStdio({ parts, caller, input, output }: StdioOptions): Promise<void> {
  const writer = new LineWriter(output);
  const { signal } = writer.gone;
  const original = new OriginalMcp(parts);
  const newer: { transport?: LineTransport } = {};
  const asker = { caller, peerOf: () => PEER };

  async function take(line: Buffer): Promise<void> {
    if (line.toString("latin1").trim() === "") return;
    const json = jsonValue(line);
    if (json === undefined) return writer.write(rpcError(null, PARSE_ERROR, "parse error"));
    const { value } = json;
    if (newer.transport === undefined && (asksForNewer(value) || saysItsVersion(value))) {
      newer.transport = new LineTransport(writer);
      serveStdio(() => fleetServer(parts, asker), { transport: newer.transport, onerror: () => undefined });
    }
    if (newer.transport !== undefined) {
      const answer = newer.transport.receive(value);
      return answer === undefined ? undefined : writer.write(answer);
    }
    // The original says nothing to batches here.
    if (Array.isArray(value)) return undefined;
    const { body } = await original.answer(value, { caller, peer: PEER, signal });
    return body === undefined ? undefined : writer.write(body);
  }

  async function takeAll(): Promise<void> {
    for await (const line of linesOf(input)) await take(line);
    await newer.transport?.settled();
  }

  try {
    await Promise.race([takeAll(), aborted(signal)]);
  } finally {
    await newer.transport?.close();
    // Nobody can ask for the rest any more.
    parts.pages.stop();
    input.destroy();
  }
}
