import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { atEnd } from "../../fixtures/temp.ts";

/** A way to a gateway, or to an agent, that can be cut. */
export interface CutWay {
  readonly url: string;
  /** HOST:PORT */
  readonly address: string;
  /** Ends every connection. @param isForGood and takes no other */
  cut(isForGood?: boolean): void;
}

export async function cutWay(url: string): Promise<CutWay> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = (isForGood = false): void => {
    if (isForGood) server.close();
    for (const socket of open) socket.destroy();
  };
  atEnd(() => {
    cut(true);
  });
  return { url: `http://${address}`, address, cut };
}
