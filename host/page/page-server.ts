import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { clearPath } from "../listen/unix.ts";
import { MAX_SOCKET_PATH } from "../util/short-socket-path.ts";
import { pageApp } from "./app.ts";
import { pageAssets, type Asset } from "./assets.ts";
import type { Desk } from "./desk.ts";
import { Feed } from "./feed.ts";
import { refusalOf, type PagePlace } from "./guard.ts";
import { PAGE_HEADERS } from "./headers.ts";
import { Logins } from "./logins.ts";

const LOOPBACK = "127.0.0.1";
const MAX_HEADER_BYTES = 16_384;
const MAX_HEADERS = 64;
const MAX_CONNECTIONS = 256;
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
/** For the last connections to close. */
const CLOSE_MS = 1_000;
/** How often slow requests are looked for. */
const CHECK_MS = 1_000;

/** What a page is opened with. */
export interface PageOptions {
  readonly desk: Desk;
  /** A Unix socket; a free port of this machine when undefined. */
  readonly socket: string | undefined;
  readonly assets?: ReadonlyMap<string, Asset>;
  readonly now?: () => number;
  /** A login code was used. */
  readonly codeUsed: () => void;
  readonly changed: (what: string, of: string) => void;
  readonly reportBug: (error: unknown) => void;
}

/** Milliseconds that no change of the clock makes longer or shorter. */
function monotonic(): number {
  return performance.now();
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...PAGE_HEADERS, "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  response.end(`${why}\n`);
}

async function listening(server: Server, socket: string | undefined): Promise<PagePlace> {
  if (socket !== undefined && Buffer.byteLength(socket) > MAX_SOCKET_PATH)
    throw new CodedError("listen_failed", `socket path is longer than ${MAX_SOCKET_PATH} bytes: ${printable(socket)}`, {
      hint: "Choose a shorter path.",
    });
  if (socket !== undefined) await clearPath(socket);
  // Nobody but the owner, from the beginning.
  const previous = process.umask(0o177);
  const bound = new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const where = socket === undefined ? LOOPBACK : printable(socket);
      reject(
        new CodedError(
          "listen_failed",
          `the page cannot be served on ${where}: ${errnoOf(error) ?? messageOf(error)}`,
          {
            hint: "Choose another path with --socket, or none.",
            cause: error,
          },
        ),
      );
    });
    server.listen(socket === undefined ? { host: LOOPBACK, port: 0 } : { path: socket }, () => {
      resolve();
    });
  });
  process.umask(previous);
  await bound;
  if (socket !== undefined) return { kind: "unix", path: socket };
  return { kind: "tcp", host: LOOPBACK, port: (server.address() as AddressInfo).port };
}

/** The page, served: who may speak with it, what it answers, and what is connected. */
export class PageServer {
  readonly place: PagePlace;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;
  readonly #feed: Feed;
  readonly #logins: Logins;
  readonly #name: string;

  private constructor(
    place: PagePlace,
    server: Server,
    sockets: ReadonlySet<Socket>,
    parts: { readonly feed: Feed; readonly logins: Logins; readonly name: string },
  ) {
    this.place = place;
    this.#server = server;
    this.#sockets = sockets;
    this.#feed = parts.feed;
    this.#logins = parts.logins;
    this.#name = parts.name;
  }

  /** Begins to serve. @throws CodedError `page_unavailable`, `listen_failed`, `daemon_already_running` */
  static async open(options: PageOptions): Promise<PageServer> {
    const { desk, socket, assets = pageAssets(), now = monotonic, codeUsed, changed, reportBug } = options;
    const feed = new Feed(desk, reportBug);
    const logins = new Logins(now, codeUsed);
    const name = randomBytes(16).toString("base64url");
    const cookie = `cmd2host_${randomBytes(6).toString("hex")}`;
    const app = pageApp({ name, cookie, desk, feed, logins, assets, changed, reportBug });
    const answer = getRequestListener(async (request, env) => app.fetch(request, env), {
      overrideGlobalObjects: false,
    });
    const found: { place?: PagePlace } = {};
    const server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      (request: IncomingMessage, response: ServerResponse) => {
        if (found.place === undefined) return;
        const refusal = refusalOf(request, found.place);
        if (refusal === undefined) answer(request, response).catch(reportBug);
        else refuse(response, refusal.status, refusal.why);
      },
    );
    server.maxHeadersCount = MAX_HEADERS;
    server.maxConnections = MAX_CONNECTIONS;
    const sockets = new Set<Socket>();
    server.on("connection", (connection: Socket) => {
      sockets.add(connection);
      connection.once("close", () => sockets.delete(connection));
    });
    // WebSockets and tunnels: the page uses neither.
    for (const event of ["upgrade", "connect"])
      server.on(event, (_request: IncomingMessage, connection: Socket) => {
        connection.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      });
    const place = await listening(server, socket);
    found.place = place;
    server.on("error", () => undefined); // a connection that could not be accepted
    return new PageServer(place, server, sockets, { feed, logins, name });
  }

  /** How many pages are open in browsers. */
  get connected(): number {
    return this.#feed.connected;
  }

  /** Where it is, for people. */
  get address(): string {
    const { place } = this;
    return place.kind === "unix" ? place.path : `http://${place.host}:${place.port}`;
  }

  /** An address that logs in once, within a minute. The code is in the part that is sent to no server and written into no log. */
  link(): string {
    const { place } = this;
    const origin = place.kind === "unix" ? "http://localhost" : `http://${place.host}:${place.port}`;
    return `${origin}/${this.#name}/#${this.#logins.code()}`;
  }

  /** Ends every login and connection. */
  async close(): Promise<void> {
    this.#logins.endAll();
    this.#feed.stop();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const connection of this.#sockets) connection.destroy();
    this.#server.closeAllConnections();
    // Bun does not close a connection that has said nothing yet; it times out by itself.
    await Promise.race([closed, delay(CLOSE_MS, undefined, { ref: false })]);
  }
}
