import { request as plainRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import type { Duplex } from "node:stream";
import { cancelled, type Way } from "../../wire/client-connect.ts";
import { DaemonClient, Dialect } from "../../wire/client.ts";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { errorIn, jsonIn, textOf } from "./gateway-answer.ts";
import type { GatewayPlace } from "./gateway-place.ts";

const CONNECT_MS = 10_000;
/** For answers that are there at once. */
const ANSWER_MS = 60_000;
export const UPGRADE = "cmd2host/2";

/** When nothing is heard for this long, TCP asks whether the gateway is still there. */
const KEEP_ALIVE_MS = 30_000;

interface Wanted {
  readonly method: string;
  readonly path: string;
  readonly headers: object;
}

interface Sending {
  readonly wanted: Wanted;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** An answer of the gateway that is no error. */
export interface Answer {
  readonly status: number;
  /** Parsed JSON; undefined for an empty body. */
  readonly body: unknown;
}

function unreachable({ url }: GatewayPlace, why: string): CodedError {
  return new CodedError("gateway_unreachable", `the gateway at ${url.host} does not answer: ${why}`);
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

  /** The operations of a target, as on a host. @param connected told when there is a connection for a request */
  on(target: string, connected?: () => void): DaemonClient {
    const way: Way = {
      kind: "way",
      name: `${this.address} (${target})`,
      connect: async (signal) => {
        const socket = await this.#open(signal);
        connected?.();
        return socket;
      },
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
    const length = text === undefined ? {} : { "Content-Length": Buffer.byteLength(text) };
    const wanted = { method, path, headers: { ...headers, ...length } };
    const sending = { wanted, body: text, timeoutMs: ANSWER_MS, signal };
    const response = await this.#begun<IncomingMessage>(sending, (request, resolve) => {
      request.once("response", resolve);
    });
    const answer = await this.#body(response, signal);
    const json = jsonIn(answer);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return { status: statusCode, body: json };
    throw errorIn(statusCode, json, json === undefined ? answer : "");
  }

  #options({ method, path, headers }: Wanted): RequestOptions {
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

  /** Loads what encrypts only where that is wanted: it is most of what a short command would load. */
  async #request(wanted: Wanted): Promise<ClientRequest> {
    const options = { ...this.#options(wanted), agent: false };
    if (this.#place.url.protocol !== "https:") return plainRequest(options);
    return (await import("node:https")).request(options);
  }

  /**
   * Sends a request, and waits for what becomes of it.
   * @param waiting what else may come, and what settles the promise then
   */
  async #begun<T>(
    { wanted, body, timeoutMs, signal }: Sending,
    waiting: (request: ClientRequest, resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    if (signal?.aborted === true) throw cancelled();
    const request = await this.#request(wanted);
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => {
        request.destroy(cancelled());
      };
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`));
      }, timeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort, { once: true });
      // Not after it was destroyed: then it would never say so.
      if (signal?.aborted === true) abort();
      request.on("error", (error) => {
        settle();
        reject(error instanceof CodedError ? error : unreachable(this.#place, errnoOf(error) ?? error.message));
      });
      for (const event of ["upgrade", "response"]) request.once(event, settle);
      waiting(request, resolve, reject);
      request.end(body);
    });
  }

  /** The rest of an answer. */
  async #body(response: IncomingMessage, signal: AbortSignal | undefined): Promise<string> {
    const timer = setTimeout(() => {
      response.destroy(new Error(`no whole answer within ${ANSWER_MS / 1_000} s`));
    }, ANSWER_MS);
    const abort = (): void => {
      response.destroy(cancelled());
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted === true) abort();
    try {
      return await textOf(response);
    } catch (error) {
      throw error instanceof CodedError ? error : unreachable(this.#place, errnoOf(error) ?? messageOf(error));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** A connection for one request by the daemon's own protocol. */
  async #open(signal: AbortSignal | undefined): Promise<Duplex> {
    const headers = { Connection: "Upgrade", Upgrade: UPGRADE };
    const wanted = { method: "GET", path: "/v2/call", headers };
    return this.#begun<Duplex>(
      { wanted, body: undefined, timeoutMs: CONNECT_MS, signal },
      (request, resolve, reject) => {
        request.once("upgrade", (_response, socket, head) => {
          socket.on("error", () => undefined);
          socket.setNoDelay(true);
          socket.setKeepAlive(true, KEEP_ALIVE_MS);
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        });
        request.once("response", (response) => {
          this.#refused(response, signal).then(reject, reject);
        });
      },
    );
  }

  /** Why there was no change of protocols. */
  async #refused(response: IncomingMessage, signal: AbortSignal | undefined): Promise<CodedError> {
    const { statusCode = 0 } = response;
    const text = await this.#body(response, signal);
    if (statusCode >= 200 && statusCode < 300)
      return new CodedError("gateway_unreachable", `what answers at ${this.address} is no gateway of cmd2host`);
    return errorIn(statusCode, jsonIn(text), text);
  }
}
