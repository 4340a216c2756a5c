import type { Listener, OnConnection } from "./listener.ts";
import { closed, listening } from "./server.ts";

/** Listens on a TCP address. @throws CodedError `listen_failed`, `daemon_already_running` */
export async function listenTcp(host: string, port: number, onConnection: OnConnection): Promise<Listener> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const server = await listening({ host, port }, `TCP ${address}`, onConnection, (remote) => ({
    transport: "tcp",
    id: `tcp:${remote}`,
  }));
  return { address: `${address} (TCP)`, close: async () => closed(server) };
}
