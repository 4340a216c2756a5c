import type { Duplex } from "node:stream";
import { PREFACE } from "../../wire/frames.ts";
import type { Peer } from "../engine/rooms.ts";
import { FrameExchange } from "./frame-exchange.ts";
import { JsonExchange } from "./json-exchange.ts";
import { Line, type ConnectionHost } from "./line.ts";

/** What one of the protocols does with a connection. */
export interface Exchange {
  /** Bytes came, before the answer was sent. */
  data(chunk: Buffer): void;
  /** The client has closed its sending side. */
  end(): void;
  /** No complete request came in time. */
  late(): void;
  /** The socket is closed on both sides. */
  closed(): void;
}

/** One connection. Its first byte says which protocol it speaks. */
export class Connection {
  readonly #line: Line;
  #exchange: Exchange | undefined;

  constructor(socket: Duplex, peer: Peer, host: ConnectionHost) {
    this.#line = new Line(socket, peer, host);
  }

  /** True from the complete request to the reply. */
  get working(): boolean {
    return this.#line.state === "working";
  }

  /** True while its request waits for something, and does nothing. */
  get waiting(): boolean {
    return this.#line.isWaiting;
  }

  /** Begins to read; false when there is no room for another connection. */
  start(): boolean {
    const { socket } = this.#line;
    if (!this.#line.admit()) {
      socket.destroy();
      return false;
    }
    this.#line.startReading(() => {
      this.#chosen(undefined).late();
    });
    socket.on("data", (chunk: Buffer) => {
      if (this.#line.state === "closing") this.#line.ignore(chunk);
      else this.#chosen(chunk).data(chunk);
    });
    socket.on("end", () => {
      this.#chosen(undefined).end();
    });
    socket.on("error", () => undefined); // what follows is "close"
    socket.on("close", () => {
      this.#line.closed();
      this.#exchange?.closed();
    });
    return true;
  }

  drop(): void {
    this.#line.drop();
  }

  /** Resolves when the connection is closed on both sides. */
  async gone(): Promise<void> {
    const { socket } = this.#line;
    return new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", resolve);
    });
  }

  /** Ends the operation, if one is running; the reply still goes out. */
  shutDown(): void {
    this.#line.abort("shutting_down");
  }

  #chosen(chunk: Buffer | undefined): Exchange {
    this.#exchange ??= chunk?.[0] === PREFACE[0] ? new FrameExchange(this.#line) : new JsonExchange(this.#line);
    return this.#exchange;
  }
}
