import type { Duplex } from "node:stream";
import type { NatsRoad } from "./road.ts";

/** How a machine on NATS is written where HOST:PORT is expected: NAME.nats:4222. No name of the network ends so. */
const SUFFIX = ".nats";
const PORT = 4_222;

export function natsPlace(name: string): string {
  return `${name}${SUFFIX}:${PORT}`;
}

/** The name of a machine on NATS; undefined for an address of the network. */
export function nameAt(address: string): string | undefined {
  const host = address.slice(0, address.lastIndexOf(":"));
  return host.endsWith(SUFFIX) ? host.slice(0, -SUFFIX.length) : undefined;
}

/**
 * The way to a machine by the first of its addresses that leads there.
 * @param direct to an address of the network
 * @param road undefined: this machine is on no NATS
 */
export function wayTo(
  addresses: readonly string[],
  direct: (addresses: readonly string[]) => (signal: AbortSignal) => Promise<Duplex>,
  road: Pick<NatsRoad, "dial"> | undefined,
): (signal: AbortSignal) => Promise<Duplex> {
  const plain = addresses.filter((address) => nameAt(address) === undefined);
  const names = addresses.flatMap((address) => nameAt(address) ?? []);
  return async (signal) => {
    if (plain.length > 0 || road === undefined || names.length === 0)
      try {
        return await direct(plain)(signal);
      } catch (error) {
        if (road === undefined || names.length === 0 || signal.aborted) throw error;
      }
    let trouble: unknown;
    for (const name of names)
      try {
        return await road.dial(name, signal);
      } catch (error) {
        trouble = error;
      }
    throw trouble;
  };
}
