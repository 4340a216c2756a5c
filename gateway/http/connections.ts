import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Limited, Places } from "./bounds.ts";
import { plain, type Proxies } from "./peer.ts";

interface Connection extends Limited {
  /** The answer that is being given. */
  response: ServerResponse | undefined;
  /** How many bytes the client had taken at the last look, when it had more to take. */
  taken: number | undefined;
}

/** The connections of the HTTP server: their places, and whether their clients read what they asked for. */
export class Connections {
  readonly #open = new Map<Socket, Connection>();
  readonly #places: Places;
  readonly #proxies: () => Proxies;
  readonly #timer: NodeJS.Timeout;
  #count = 0;

  /** @param stalledMs a client that does not read what it asked for within this time is disconnected */
  constructor(places: Places, proxies: () => Proxies, stalledMs: number) {
    this.#places = places;
    this.#proxies = proxies;
    this.#timer = setInterval(() => {
      this.#look();
    }, stalledMs).unref();
  }

  /** A new connection; it is closed when there is no place for it. */
  opened(socket: Socket): void {
    if (this.#open.has(socket)) return;
    const address = plain(socket.remoteAddress ?? "");
    // Behind a proxy everybody has one address.
    const peerId = this.#proxies().has(address) ? `${address} ${this.#count++}` : address;
    const connection: Connection = {
      peerId,
      response: undefined,
      taken: undefined,
      drop: () => {
        socket.destroy();
      },
    };
    if (!this.#places.admit(connection)) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, connection);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#places.leave(connection);
    });
  }

  /** A request is being answered. */
  answering(socket: Socket, response: ServerResponse): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.response = response;
    response.once("close", () => {
      connection.response = undefined;
      connection.taken = undefined;
      this.#places.idle(connection);
    });
  }

  /** A request with a good key is worked on: the connection is not closed in favour of others. */
  busy(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) this.#places.busy(connection);
  }

  /** Another protocol has taken the connection over. It keeps its place, and is no more closed here. */
  handedOver(socket: Socket): void {
    this.busy(socket);
    this.#open.delete(socket);
  }

  /** Closes all. */
  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #look(): void {
    for (const [socket, connection] of this.#open) {
      // Node counts what waits with the socket, Bun with the answer.
      const waiting = Math.max(socket.writableLength, connection.response?.writableLength ?? 0);
      const taken = socket.bytesWritten - waiting;
      const isStalled = connection.response !== undefined && waiting > 0;
      if (isStalled && connection.taken === taken) socket.destroy();
      connection.taken = isStalled ? taken : undefined;
    }
  }
}
