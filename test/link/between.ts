import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";
import { atEnd } from "../fixtures/temp.ts";

/** What happens to the bytes of one connection, in each direction: how many pass before it is cut, or changed. */
export interface Fate {
  /** Cut both ways after so many bytes to, or from, the server. */
  readonly cutTo?: number;
  readonly cutFrom?: number;
}

/** A network in between, that a test controls. */
export interface Between {
  readonly port: number;
  readonly address: string;
  /** Connections that were made. */
  readonly count: number;
  /** What came from clients, by connection, when it is kept. */
  readonly recorded: readonly Buffer[][];
  /** Swallows everything that still comes on the connections of now, and tells nobody. */
  swallow(): void;
  /** Changes a bit of what comes next from a client. */
  damage(): void;
  /** Takes no connections. */
  closed: boolean;
  /** Where new connections lead. */
  to: number;
  /** Cuts all connections. */
  cut(): void;
}

/**
 * A TCP proxy on the way to a port.
 * @param fate what becomes of the connection with this index
 */
export async function between(to: number, fate: (index: number) => Fate = () => ({})): Promise<Between> {
  const sockets = new Set<Socket>();
  const recorded: Buffer[][] = [];
  let count = 0;
  const state = { closed: false, damage: false, to };
  const swallowed = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (state.closed) {
      client.destroy();
      return;
    }
    const { cutTo = Infinity, cutFrom = Infinity } = fate(count++);
    const record: Buffer[] = [];
    recorded.push(record);
    const upstream = createConnection({ port: state.to, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const both = [client, upstream];
    const cut = (): void => {
      for (const socket of both) socket.destroy();
    };
    const carry = (from: Socket, into: Socket, limit: number, keep?: Buffer[]): void => {
      let passed = 0;
      sockets.add(from);
      from.on("data", (chunk: Buffer) => {
        if (swallowed.has(from)) return;
        keep?.push(chunk);
        const part = chunk.subarray(0, limit - passed);
        if (state.damage && keep !== undefined) {
          state.damage = false;
          part.writeUInt8(part.readUInt8(part.length - 1) ^ 1, part.length - 1);
        }
        passed += part.length;
        if (!into.write(part)) {
          from.pause();
          into.once("drain", () => from.resume());
        }
        // What was passed on still arrives.
        if (passed >= limit) into.end(cut);
      });
      from.on("end", () => {
        if (!swallowed.has(from)) into.end();
      });
      from.on("error", cut);
      from.on("close", () => {
        sockets.delete(from);
        if (!swallowed.has(from)) cut();
      });
    };
    carry(client, upstream, cutTo, record);
    carry(upstream, client, cutFrom);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  atEnd(() => {
    cutAll();
    server.close();
  });
  return {
    port,
    address: `127.0.0.1:${port}`,
    recorded,
    cut: cutAll,
    get count() {
      return count;
    },
    swallow: () => {
      for (const socket of sockets) swallowed.add(socket);
    },
    damage: () => {
      state.damage = true;
    },
    get to() {
      return state.to;
    },
    set to(value) {
      state.to = value;
    },
    get closed() {
      return state.closed;
    },
    set closed(value) {
      state.closed = value;
    },
  };
}
