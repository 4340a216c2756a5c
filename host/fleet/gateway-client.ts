import { request as plainRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { cancelled, type Way } from "../../wire/client-connect.ts";
import { DaemonClient, Dialect } from "../../wire/client.ts";
import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { GatewayPlace } from "./gateway-place.ts";

const CONNECT_MS = 10_000;
/** For answers that are there at once. */
const ANSWER_MS = 60_000;
const MAX_ANSWER_BYTES = 33_554_432;
export const UPGRADE = "cmd2host/2";

/** An answer of the gateway that is no error. */
export interface Answer {
  readonly status: number;
  /** Parsed JSON; undefined for an empty body. */
  readonly body: unknown;
}

function unreachable({ url }: GatewayPlace, why: string): CodedError {
  return new CodedError("gateway_unreachable", `the gateway at ${url.host} does not answer: ${why}`);
}

function memberOf(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(body, name)?.value;
  return typeof value === "string" ? value : undefined;
}

/** What an answer means that is an error. What it says comes from outside. */
function errorIn(status: number, body: unknown, text: string): CodedError {
  const said = memberOf(body, "error") ?? text;
  const message = printable(shortened(said === "" ? `HTTP ${status}` : said, 2_000));
  if (status === 401) return new CodedError("gateway_refused", `the gateway does not accept the key: ${message}`);
  const code = memberOf(body, "code");
  const hint = memberOf(body, "hint");
  if (code === undefined || !Object.hasOwn(CODES, code))
    return new CodedError("gateway_unreachable", `the gateway answers ${status}: ${message}`);
  return new CodedError(code as Code, message, hint === undefined ? {} : { hint: printable(shortened(hint, 1_000)) });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    if (length > MAX_ANSWER_BYTES) throw new CodedError("gateway_unreachable", "the gateway's answer is too long");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function jsonIn(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A gateway from the side of its callers: what is asked over HTTP, and the daemon's own protocol for everything about operations. */
export class GatewayClient {
  readonly #place: GatewayPlace;
  readonly #dialect = new Dialect();

  constructor(place: GatewayPlace) {
    this.#place = place;
  }

  get address(): string {
    return this.#place.url.host;
  }

  /** The operations of a target, as on a host. */
  on(target: string): DaemonClient {
    const way: Way = {
      kind: "way",
      name: `${this.address} (${target})`,
      connect: async (signal) => this.#open(signal),
    };
    return new DaemonClient(way, "", this.#dialect, { target });
  }

  /**
   * @param path with its query
   * @throws CodedError `gateway_unreachable`, `gateway_refused`, `cancelled`, and what the gateway says
   */
  async ask(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { "Content-Type": "application/json" };
    const response = await this.#sent(
      {
        method,
        path,
        headers: { ...headers, ...(text === undefined ? {} : { "Content-Length": Buffer.byteLength(text) }) },
      },
      text,
      signal,
    );
    const answer = await bodyOf(response).catch((error: unknown) => {
      if (error instanceof CodedError) throw error;
      throw signal?.aborted === true ? cancelled() : unreachable(this.#place, messageOf(error));
    });
    const json = jsonIn(answer);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return { status: statusCode, body: json };
    throw errorIn(statusCode, json, json === undefined ? answer : "");
  }

  #options({ method, path, headers }: { method: string; path: string; headers: object }): RequestOptions {
    const { url, key } = this.#place;
    return {
      method,
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port,
      path: url.pathname.replace(/\/$/, "") + path,
      headers: { ...headers, Authorization: `Bearer ${key}` },
    };
  }

  async #sent(
    wanted: { method: string; path: string; headers: object },
    body: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    if (signal?.aborted === true) throw cancelled();
    return new Promise((resolve, reject) => {
      const send = this.#place.url.protocol === "https:" ? tlsRequest : plainRequest;
      const request = send({ ...this.#options(wanted), agent: false });
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${ANSWER_MS / 1_000} s`));
      }, ANSWER_MS);
      const abort = (): void => {
        request.destroy(cancelled());
      };
      signal?.addEventListener("abort", abort, { once: true });
      request.on("error", (error) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        reject(error instanceof CodedError ? error : unreachable(this.#place, errnoOf(error) ?? error.message));
      });
      request.once("response", (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      request.end(body);
    });
  }

  /** A connection for one request by the daemon's own protocol. */
  async #open(signal: AbortSignal | undefined): Promise<Duplex> {
    if (signal?.aborted === true) throw cancelled();
    return new Promise((resolve, reject) => {
      const send = this.#place.url.protocol === "https:" ? tlsRequest : plainRequest;
      const headers = { Connection: "Upgrade", Upgrade: UPGRADE };
      const request = send({ ...this.#options({ method: "GET", path: "/v2/call", headers }), agent: false });
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${CONNECT_MS / 1_000} s`));
      }, CONNECT_MS);
      const abort = (): void => {
        request.destroy(cancelled());
      };
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort, { once: true });
      request.on("error", (error) => {
        settle();
        reject(error instanceof CodedError ? error : unreachable(this.#place, errnoOf(error) ?? error.message));
      });
      request.once("upgrade", (_response, socket, head) => {
        settle();
        socket.on("error", () => undefined);
        socket.setNoDelay(true);
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      request.once("response", (response) => {
        settle();
        bodyOf(response).then(
          (text) => {
            const { statusCode = 0 } = response;
            if (statusCode >= 200 && statusCode < 300)
              reject(
                new CodedError("gateway_unreachable", `what answers at ${this.address} is no gateway of cmd2host`),
              );
            else reject(errorIn(statusCode, jsonIn(text), text));
          },
          (error: unknown) => {
            reject(unreachable(this.#place, messageOf(error)));
          },
        );
      });
      request.end();
    });
  }
}
