/** Real sockets for tests. */
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";
import { atEnd } from "../fixtures/temp.ts";

/** A server on a free port of this machine, which is closed at the end with all its connections. */
export async function listening(onConnection: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => open.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  atEnd(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A port of this machine where nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The two ends of one connection. */
export async function connectedPair(): Promise<readonly [Socket, Socket]> {
  let accept: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const port = await listening(accept);
  const dialled = createConnection({ port, host: "127.0.0.1", noDelay: true });
  dialled.on("error", () => undefined);
  atEnd(() => {
    dialled.destroy();
  });
  return [dialled, await accepted];
}

/** Waits, for as long as it takes a busy machine, until something holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
