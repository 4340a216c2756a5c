import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";

const FIRST_BYTE_MS = 10_000;
/** Connections that have not said what they are. */
const MAX_UNDECIDED = 256;
/** The first byte of a TLS handshake. */
const TLS = 0x16;
/** A commando gateway begins with the number of segments of a message, less one, the lowest byte first. */
const FEW_SEGMENTS = 0x10;

/** Who speaks what on the port. */
export interface Speakers {
  readonly link: (socket: Socket) => void;
  /** Undefined: those who speak it are turned away. */
  readonly commando: ((socket: Socket) => void) | undefined;
}

/** One TCP port for links and for gateways of commando: the first byte tells them apart. */
export class SharedPort {
  readonly #server: Server;
  readonly #firstByteMs: number;
  readonly #undecided = new Set<Socket>();

  private constructor(server: Server, firstByteMs: number) {
    this.#server = server;
    this.#firstByteMs = firstByteMs;
  }

  /**
   * @param firstByteMs how long somebody may take to send a first byte
   * @throws CodedError `listen_failed`
   */
  static async listen(
    at: { readonly host: string; readonly port: number },
    speakers: Speakers,
    firstByteMs = FIRST_BYTE_MS,
  ): Promise<SharedPort> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    const port = new SharedPort(server, firstByteMs);
    server.on("connection", (socket) => {
      port.#hear(socket, speakers);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => {
        const why = errnoOf(error) ?? messageOf(error);
        reject(new CodedError("listen_failed", `agent: failed to listen on TCP ${at.host}:${at.port}: ${why}`));
      });
      server.listen(at.port, at.host, resolve);
    });
    server.on("error", () => undefined);
    return port;
  }

  get address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP server without a TCP address");
    return address;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#undecided) socket.destroy();
  }

  #hear(socket: Socket, { link, commando }: Speakers): void {
    socket.on("error", () => undefined);
    if (this.#undecided.size >= MAX_UNDECIDED) {
      // The one that has been silent longest makes room.
      for (const oldest of this.#undecided) {
        this.#undecided.delete(oldest);
        oldest.destroy();
        break;
      }
    }
    this.#undecided.add(socket);
    const timer = setTimeout(() => {
      socket.destroy();
    }, this.#firstByteMs);
    const done = (): void => {
      clearTimeout(timer);
      this.#undecided.delete(socket);
    };
    socket.once("close", done);
    socket.once("data", (chunk: Buffer) => {
      done();
      socket.pause();
      socket.unshift(chunk);
      const [first = 0] = chunk;
      if (first === TLS) link(socket);
      else if (first < FEW_SEGMENTS && commando !== undefined) {
        commando(socket);
        // Whoever listens now reads on from what was put back.
        socket.resume();
      } else socket.destroy();
    });
  }
}
