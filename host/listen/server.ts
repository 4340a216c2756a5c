import { createServer, type ListenOptions, type Server } from "node:net";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import type { Peer } from "../engine/rooms.ts";
import type { OnConnection } from "./listener.ts";

/**
 * A server that listens, with half-closed clients kept open: closing the sending side is a normal way to end a request.
 * @throws CodedError `listen_failed`
 */
export async function listening(
  options: ListenOptions,
  address: string,
  onConnection: OnConnection,
  peerOf: (remote: string) => Peer,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    onConnection(socket, peerOf(socket.remoteAddress ?? ""));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const code = errnoOf(error) === "EADDRINUSE" ? "daemon_already_running" : "listen_failed";
      reject(
        new CodedError(code, `failed to listen on ${address}: ${errnoOf(error) ?? messageOf(error)}`, { cause: error }),
      );
    });
    server.listen({ backlog: 511, ...options }, resolve);
  });
  // From here on an error is a connection that could not be accepted, which concerns nobody else.
  server.on("error", () => undefined);
  return server;
}

/** Stops accepting. */
export async function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    // Resolves when the last connection is gone; the listening socket itself closes at once, and that is all that is waited for.
    setImmediate(resolve);
  });
}
