/** Connections for tests, over real sockets. */
import { Connection, type ConnectionOptions } from "../../../capnp/rpc/connection.ts";
import { connectedPair } from "../sockets.ts";
import { LIMITS } from "./objects.ts";
import { RawPeer } from "./raw-peer.ts";

export interface Watched {
  readonly connection: Connection;
  readonly bugs: unknown[];
  /** Why it was over; empty as long as it is not. */
  readonly over: Error[];
}

type Options = Partial<ConnectionOptions>;

function watched(socket: Awaited<ReturnType<typeof connectedPair>>[0], options: Options): Watched {
  const bugs: unknown[] = [];
  const over: Error[] = [];
  const connection = new Connection(socket, {
    limits: LIMITS,
    onBug: (error) => bugs.push(error),
    onOver: (why) => over.push(why),
    ...options,
  });
  return { connection, bugs, over };
}

/** Two ends of one connection, both ours. */
export async function both(options: { readonly left?: Options; readonly right?: Options } = {}): Promise<{
  readonly left: Watched;
  readonly right: Watched;
}> {
  const [one, other] = await connectedPair();
  return { left: watched(one, options.left ?? {}), right: watched(other, options.right ?? {}) };
}

/** One end is ours, the other says what the test likes. */
export async function facing(options: Options = {}): Promise<Watched & { readonly peer: RawPeer }> {
  const [one, other] = await connectedPair();
  return { ...watched(one, options), peer: new RawPeer(other) };
}
