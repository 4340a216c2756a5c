import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { requirePair, unusable, type TlsFiles } from "./certificate.ts";

/** Bounds on slow and large requests; times in milliseconds. */
export interface RequestBounds {
  /** For all of a request's headers. */
  readonly headersMs: number;
  /** For a whole request. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** How often slow requests are looked for. */
  readonly checkMs: number;
  readonly maxConnections: number;
  /** A client that does not read what it asked for within this time is disconnected. */
  readonly stalledMs: number;
}

export const REQUEST_BOUNDS: RequestBounds = {
  headersMs: 10_000,
  requestMs: 60_000,
  keepAliveMs: 60_000,
  checkMs: 1_000,
  // Above what `Places` admit: those close the idle ones first.
  maxConnections: 8_192,
  stalledMs: 60_000,
};

const MAX_HEADER_BYTES = 16_384;
const MAX_HEADERS = 100;

/** Makes the server; it does not listen yet. @throws CodedError `gateway_config_invalid` when certificate and key are none */
export function makeServer(tls: TlsFiles | undefined, bounds: RequestBounds, listener: RequestListener): Server {
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: bounds.headersMs,
    requestTimeout: bounds.requestMs,
    keepAliveTimeout: bounds.keepAliveMs,
    connectionsCheckingInterval: bounds.checkMs,
    noDelay: true,
  };
  const server = tls === undefined ? createServer(options, listener) : createTls({ ...options, ...tls }, listener);
  server.maxHeadersCount = MAX_HEADERS;
  server.maxConnections = bounds.maxConnections;
  return server;
}

function createTls(options: Parameters<typeof createTlsServer>[0] & TlsFiles, listener: RequestListener): Server {
  // Bun does not look at them before it listens.
  requirePair(options);
  try {
    return createTlsServer({ ...options, minVersion: "TLSv1.2", handshakeTimeout: 10_000 }, listener);
  } catch (error) {
    throw unusable(error);
  }
}

/** Begins to listen. @returns the port. @throws CodedError `listen_failed` */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const why = errnoOf(error) ?? messageOf(error);
      reject(
        new CodedError("listen_failed", `the gateway cannot listen on ${printable(host)} port ${port}: ${why}`, {
          hint: "Set server.bind and server.port in gateway.toml.",
          cause: error,
        }),
      );
    });
    server.listen({ host, port }, resolve);
  });
  server.removeAllListeners("error");
  // A connection that could not be accepted.
  server.on("error", () => undefined);
  return (server.address() as AddressInfo).port;
}
