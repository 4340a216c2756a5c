import { isUtf8 } from "node:buffer";
import type { Readable, Writable } from "node:stream";
import {
  INVALID_REQUEST,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  parseJSONRPCMessage,
  serializeMessage,
  STDIO_DEFAULT_MAX_BUFFER_SIZE,
  type JSONRPCMessage,
  type RequestId,
  type Transport,
} from "@modelcontextprotocol/server";
import { errnoOf } from "../wire/errors.ts";

/** Why a connection ended. */
export type Ending =
  /** The client closed our input. `outstanding`: requests without an answer. */
  | { readonly kind: "eof"; readonly outstanding: number }
  /** `message`: what was wrong with the input or the output, without any of its content. */
  | { readonly kind: "broken"; readonly message: string };

const LINE_FEED = 0x0a;

function requestIdOf(value: unknown): RequestId | undefined {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
  return typeof id === "string" || Number.isSafeInteger(id) ? (id as RequestId) : undefined;
}

/**
 * One JSON-RPC message per line, in and out. Unlike the SDK's own transport it ends the connection at the first line that
 * is not JSON: what talks like that is no MCP client (a browser's POST, for example), and a later line must not count.
 * JSON that is not JSON-RPC is answered with "invalid request". Blank lines are skipped.
 */
export class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** Settles once, when the client has gone or has sent what no client sends. */
  readonly ended: Promise<Ending>;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #outstanding = new Set<RequestId>();
  #end: (ending: Ending) => void = () => undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  #lines = 0;
  #closed = false;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async start(): Promise<void> {
    this.#input.on("data", this.#onData);
    this.#input.once("end", this.#onEnd);
    this.#input.once("error", this.#onInputError);
    this.#output.on("error", this.#onOutputError);
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if ((isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) && message.id !== undefined) {
      this.#outstanding.delete(message.id);
    }
    return new Promise((resolve, reject) => {
      this.#output.write(serializeMessage(message), (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** The listener for errors of the output stays: a late failed write must not end the process. */
  async close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#input.off("data", this.#onData);
    this.#input.off("end", this.#onEnd);
    this.#input.pause();
    this.#chunks = [];
    this.onclose?.();
    return Promise.resolve();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #finish(ending: Ending): void {
    this.#end(ending);
    void this.close();
  }

  readonly #onInputError = (error: Error): void => {
    this.#finish({ kind: "broken", message: `standard input: ${errnoOf(error) ?? error.message}` });
  };

  readonly #onOutputError = (error: Error): void => {
    this.#finish({ kind: "broken", message: `standard output: ${errnoOf(error) ?? error.message}` });
  };

  /** A last line without a line feed counts. */
  readonly #onEnd = (): void => {
    if (this.#length > 0) this.#line(Buffer.concat(this.#chunks));
    this.#finish({ kind: "eof", outstanding: this.#outstanding.size });
  };

  readonly #onData = (chunk: Buffer): void => {
    let rest = chunk;
    for (let at = rest.indexOf(LINE_FEED); at !== -1 && !this.#isClosed(); at = rest.indexOf(LINE_FEED)) {
      this.#keep(rest.subarray(0, at));
      rest = rest.subarray(at + 1);
      const line = Buffer.concat(this.#chunks);
      this.#chunks = [];
      this.#length = 0;
      if (!this.#isClosed()) this.#line(line);
    }
    if (!this.#isClosed() && rest.length > 0) this.#keep(rest);
  };

  #keep(part: Buffer): void {
    this.#chunks.push(part);
    this.#length += part.length;
    if (this.#length > STDIO_DEFAULT_MAX_BUFFER_SIZE)
      this.#refuse(`is longer than ${STDIO_DEFAULT_MAX_BUFFER_SIZE} bytes`);
  }

  #refuse(why: string): void {
    this.#finish({ kind: "broken", message: `standard input: line ${this.#lines + 1} ${why}` });
  }

  #line(line: Buffer): void {
    const text = line.toString("utf8");
    if (text.trim() === "") {
      this.#lines++;
      return;
    }
    let value: unknown;
    try {
      if (!isUtf8(line)) throw new SyntaxError("not UTF-8");
      value = JSON.parse(text);
    } catch {
      this.#refuse("is not JSON");
      return;
    }
    this.#lines++;
    this.#value(value);
  }

  #value(value: unknown): void {
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(value);
    } catch {
      this.#answerInvalid(requestIdOf(value));
      return;
    }
    if (isJSONRPCRequest(message)) this.#outstanding.add(message.id);
    // A cancelled request gets no answer.
    if (isJSONRPCNotification(message) && message.method === "notifications/cancelled") {
      const id = requestIdOf({ id: message.params?.["requestId"] });
      if (id !== undefined) this.#outstanding.delete(id);
    }
    this.onmessage?.(message);
  }

  #answerInvalid(id: RequestId | undefined): void {
    const error = { code: INVALID_REQUEST, message: "Invalid Request: not a JSON-RPC 2.0 message" };
    this.send({ jsonrpc: "2.0", ...(id === undefined ? {} : { id }), error }).catch((cause: unknown) => {
      this.onerror?.(cause instanceof Error ? cause : new Error(String(cause)));
    });
  }
}
