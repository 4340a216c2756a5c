import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import type { GatewayCalls } from "../calls.ts";
import type { CommandPages } from "../pages/command-pages.ts";
import { IS_BUN } from "../../host/util/runtime.ts";
import { gatewayApp } from "./app.ts";
import type { Penalty, Places } from "./bounds.ts";
import { Connections } from "./connections.ts";
import type { GatewayEnv } from "./env.ts";
import { refusalOf, type Doorplate } from "./guard.ts";
import { originHeaders, SAFE_HEADERS } from "./headers.ts";
import { KeyCheck } from "./key-check.ts";
import type { TlsFiles } from "./certificate.ts";
import { listen, makeServer, REQUEST_BOUNDS, type RequestBounds } from "./listening.ts";
import type { McpDoor } from "./mcp-door.ts";
import { Proxies } from "./peer.ts";
import { asksFor, refusedBody, refuseUnauthorized, refuseUpgrade, servePlainly, type Upgrade } from "./upgrade.ts";

/** When there is output, how long more of it is gathered, in milliseconds. */
const GATHER_MS = 250;
/** For requests in flight when the gateway stops. */
const GRACE_MS = 10_000;
/** For the last answers and connections. */
const CLOSE_MS = 1_000;

/** What may change while the gateway runs. */
export interface DoorSettings extends Doorplate {
  /** Networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
}

/** What the gateway's HTTP server is opened with. */
export interface GatewayHttpOptions {
  readonly calls: GatewayCalls;
  readonly pages: CommandPages;
  readonly mcp: McpDoor;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  readonly settings: DoorSettings;
  readonly penalty: Penalty;
  readonly places: Places;
  readonly bounds?: Partial<RequestBounds> | undefined;
  readonly gatherMs?: number | undefined;
  readonly upgrade?: Upgrade | undefined;
  readonly mount?: ((app: Hono<GatewayEnv>) => void) | undefined;
  /** Told of each failed authentication, for the log. */
  readonly authenticationFailed: (peer: string) => void;
  readonly reportBug: (error: unknown) => void;
}

/** The gateway over HTTP: who may speak with it, what is connected, and how it ends. */
export class GatewayServer {
  /** Where it listens. */
  port = 0;
  readonly #server: Server;
  readonly #isTls: boolean;
  readonly #options: GatewayHttpOptions;
  readonly #connections: Connections;
  readonly #keys: KeyCheck;
  readonly #answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  #settings: DoorSettings;
  #proxies: Proxies;
  #inFlight = 0;
  #closing = false;
  #onIdle = (): void => undefined;

  private constructor(options: GatewayHttpOptions) {
    const { calls, pages, mcp, settings, tls, penalty, places, reportBug, mount } = options;
    const bounds = { ...REQUEST_BOUNDS, ...options.bounds };
    this.#options = options;
    this.#settings = settings;
    this.#proxies = new Proxies(settings.trustedProxies);
    this.#isTls = tls !== undefined;
    this.#connections = new Connections(places, () => this.#proxies, bounds.stalledMs);
    this.#keys = new KeyCheck(calls, penalty, options.authenticationFailed);
    const app = gatewayApp({
      calls,
      pages,
      mcp,
      mount,
      reportBug,
      keys: this.#keys,
      gatherMs: options.gatherMs ?? GATHER_MS,
      bodyMs: bounds.requestMs,
      peerOf: ({ env }) => this.#peerOf(env.incoming),
      authenticated: ({ env }) => {
        this.#connections.busy(env.incoming.socket);
      },
    });
    const listener = getRequestListener(async (request, env) => app.fetch(request, env), {
      overrideGlobalObjects: false,
      // For requests of HTTP/1.0, which may have none.
      hostname: "localhost",
    });
    this.#answer = async (request, response) => {
      await listener(request, response);
    };
    this.#server = makeServer(tls, bounds, (request, response) => {
      this.#serve(request, response);
    });
    this.#server.on(this.#connectionEvent, (socket: Socket) => {
      this.#connections.opened(socket);
    });
    if (options.upgrade !== undefined) this.#takeUpgrades(options.upgrade);
  }

  /** Begins to serve. @throws CodedError `gateway_config_invalid`, `listen_failed` */
  static async open(options: GatewayHttpOptions): Promise<GatewayServer> {
    const server = new GatewayServer(options);
    server.port = await listen(server.#server, options.host, options.port);
    return server;
  }

  /** Other names, origins and proxies from now on. @throws CodedError `gateway_config_invalid`; then nothing has changed */
  change(settings: DoorSettings): void {
    this.#proxies = new Proxies(settings.trustedProxies);
    this.#settings = settings;
  }

  /**
   * Stops: nothing new begins, requests in flight finish within `graceMs`, then what still runs is ended and told so.
   */
  async close(graceMs = GRACE_MS): Promise<void> {
    const { pages, mcp } = this.#options;
    this.#closing = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    pages.drain();
    mcp.drain();
    await this.#idleWithin(graceMs);
    pages.stop();
    await this.#idleWithin(CLOSE_MS);
    mcp.stop();
    this.#connections.stop();
    this.#server.closeAllConnections();
    // Bun does not close a connection that has said nothing yet; it times out by itself.
    await Promise.race([closed, delay(CLOSE_MS, undefined, { ref: false })]);
  }

  get #connectionEvent(): "connection" | "secureConnection" {
    return this.#isTls ? "secureConnection" : "connection";
  }

  #peerOf({ socket, headers }: IncomingMessage): string {
    const forwarded = headers["x-forwarded-for"];
    return this.#proxies.peerOf(socket.remoteAddress, typeof forwarded === "string" ? forwarded : undefined);
  }

  async #idleWithin(ms: number): Promise<void> {
    if (this.#inFlight === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    await Promise.race([idle, delay(ms, undefined, { ref: false })]);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value);
    if (this.#closing) response.setHeader("Connection", "close");
    const refusal = refusalOf(request, this.#settings);
    if (refusal !== undefined) {
      response.writeHead(refusal.status, { "Content-Type": "application/json", Connection: "close" });
      response.end(JSON.stringify(refusedBody(refusal.why, refusal.hint)));
      return;
    }
    const { origin } = request.headers;
    if (origin !== undefined) {
      for (const [name, value] of Object.entries(originHeaders(origin))) response.setHeader(name, value);
      // A browser asks without a key whether it may send one.
      if (request.method === "OPTIONS") {
        response.writeHead(204).end();
        return;
      }
    }
    this.#inFlight++;
    this.#connections.answering(request.socket, response);
    response.once("close", () => {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle();
    });
    this.#answer(request, response).catch(this.#options.reportBug);
  }

  #takeUpgrades(upgrade: Upgrade): void {
    this.#server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on("error", () => undefined);
      if (asksFor(request, upgrade.protocol))
        this.#upgrade(upgrade, request, socket, head).catch(this.#options.reportBug);
      // Bun cannot begin anew with a connection.
      else if (IS_BUN) refuseUpgrade(socket, 400, refusedBody("this is not spoken here", "Send no Upgrade header."));
      else servePlainly(this.#server, this.#connectionEvent, request, socket, head);
    });
  }

  async #upgrade(upgrade: Upgrade, request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const refusal = refusalOf(request, this.#settings);
    if (refusal !== undefined) {
      refuseUpgrade(socket, refusal.status, refusedBody(refusal.why, refusal.hint));
      return;
    }
    const peer = this.#peerOf(request);
    const caller = await this.#keys.callerOf(request.headers.authorization, peer);
    if (caller === undefined) refuseUnauthorized(socket);
    else if (caller === "drop" || this.#closing) socket.destroy();
    else {
      this.#connections.handedOver(socket);
      upgrade.take(request, socket, head, caller, peer);
    }
  }
}
