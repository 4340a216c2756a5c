import { connect, type Socket } from "node:net";

/** What came back on a connection until the other side closed it. */
export interface Raw {
  readonly text: string;
  readonly ms: number;
}

/** Sends bytes as they are, and waits until the other side closes. */
export async function raw(port: number, text: string): Promise<Raw> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1");
    let got = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (got += chunk));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      resolve({ text: got, ms: performance.now() - started });
    });
    socket.write(text);
  });
}
