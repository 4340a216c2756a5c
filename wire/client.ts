import { createConnection, type Socket } from "node:net";
import { CodedError, errnoOf, messageOf } from "./errors.ts";
import { CLIENT_DIAL_TIMEOUT_MS, CLIENT_REPLY_TIMEOUT_MS, MAX_REPLY_BYTES } from "./limits.ts";
import { check } from "./parse.ts";
import type { DescribeReply, ListReply, OperationReply } from "./schema.ts";

export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export function addressText(address: Address): string {
  if (address.kind === "unix") return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export interface CallOptions {
  /** Aborting closes the connection, which makes the daemon end the command. */
  readonly signal?: AbortSignal | undefined;
  /** From connect to the end of the reply, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface RunRequest {
  readonly operation: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly targetRepo?: string | undefined;
}

function cancelled(): CodedError {
  return new CodedError("cancelled", "cancelled by the caller");
}

async function connected(address: Address, signal: AbortSignal | undefined): Promise<Socket> {
  if (signal?.aborted === true) throw cancelled();
  return new Promise((resolve, reject) => {
    const socket =
      address.kind === "unix" ? createConnection(address.path) : createConnection(address.port, address.host);
    const giveUp = (error: CodedError): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const unreachable = (why: string): void => {
      giveUp(
        new CodedError("daemon_unreachable", `failed to connect to cmd2host daemon at ${addressText(address)}: ${why}`),
      );
    };
    const timer = setTimeout(() => {
      unreachable(`no answer within ${CLIENT_DIAL_TIMEOUT_MS / 1_000} s`);
    }, CLIENT_DIAL_TIMEOUT_MS);
    const cancel = (): void => {
      giveUp(cancelled());
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      socket.removeAllListeners("error");
      socket.on("error", () => undefined);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    socket.once("connect", () => {
      settle();
      resolve(socket);
    });
    socket.once("error", (error) => {
      unreachable(errnoOf(error) ?? error.message);
    });
  });
}

/** Writes one request, leaves the write side open (as the original's client does), and reads to the end. */
async function roundTrip(socket: Socket, request: object, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => {
      socket.destroy(
        new CodedError("reply_timeout", `failed to read response: no complete reply within ${timeoutMs / 1_000} s`),
      );
    }, timeoutMs);
    socket.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_REPLY_BYTES)
        socket.destroy(
          new CodedError("reply_invalid", `failed to read response: longer than ${MAX_REPLY_BYTES} bytes`),
        );
      else chunks.push(chunk);
    });
    socket.once("end", () => {
      socket.end();
    });
    // Whatever ends the connection, a complete reply that came before it counts: the original resets after an oversize request.
    socket.once("error", (error) => {
      if (error instanceof CodedError) reject(error);
      else if (length === 0)
        reject(new CodedError("reply_invalid", `failed to read response: ${errnoOf(error) ?? error.message}`));
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    socket.write(JSON.stringify(request));
  });
}

/**
 * Talks protocol 1 with a daemon, ours or the original: one connection per call. Every method throws `CodedError`
 * (`daemon_unreachable`, `reply_timeout`, `reply_invalid`, `cancelled`) when no reply comes; denials are replies.
 */
export class DaemonClient {
  readonly #address: Address;
  readonly #token: string;

  constructor(address: Address, token: string) {
    this.#address = address;
    this.#token = token;
  }

  async list(prefix: string, options?: CallOptions): Promise<ListReply> {
    const bytes = await this.#call({ list_operations: true, ...(prefix === "" ? {} : { prefix }) }, options);
    return parseReply("list_reply", bytes);
  }

  async describe(operation: string, options?: CallOptions): Promise<DescribeReply> {
    return parseReply("describe_reply", await this.#call({ describe_operation: operation }, options));
  }

  async run(request: RunRequest, options?: CallOptions): Promise<OperationReply> {
    const { operation, params, flags, targetRepo } = request;
    const fields = {
      operation,
      params: params ?? null,
      ...(flags === undefined || flags.length === 0 ? {} : { flags }),
      ...(targetRepo === undefined || targetRepo === "" ? {} : { target_repo: targetRepo }),
    };
    return parseReply("operation_reply", await this.#call(fields, options));
  }

  async #call(fields: object, options: CallOptions = {}): Promise<Buffer> {
    const { signal, timeoutMs = CLIENT_REPLY_TIMEOUT_MS } = options;
    const socket = await connected(this.#address, signal);
    const cancel = (): void => {
      socket.destroy(cancelled());
    };
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
    try {
      // "protocol" comes first so that the daemon takes up to 1 MiB; the original ignores it.
      return await roundTrip(socket, { protocol: 2, ...fields, token: this.#token }, timeoutMs);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }
}

function parseReply<N extends "list_reply" | "describe_reply" | "operation_reply">(name: N, bytes: Buffer) {
  if (bytes.length === 0) {
    throw new CodedError(
      "reply_invalid",
      "failed to parse response: the daemon closed the connection without a reply",
      {
        hint: "The daemon may be at its limit of requests (max_in_flight), or what listens there is not a cmd2host daemon; call again.",
      },
    );
  }
  let message: unknown;
  try {
    message = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new CodedError("reply_invalid", `failed to parse response: ${messageOf(error)}`);
  }
  const checked = check(name, message);
  if (checked.ok) return checked.value;
  const { pointer, message: wrong } = checked.violation;
  throw new CodedError("reply_invalid", `failed to parse response: ${pointer === "" ? "" : `${pointer}: `}${wrong}`);
}

/** The bytes of a stream of a reply, whatever its encoding. */
export function streamBytes(text: string, encoding: string | undefined): Buffer {
  return Buffer.from(text, encoding === "base64" ? "base64" : "utf8");
}
