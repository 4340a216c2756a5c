import { createConnection } from "node:net";
import { shortSocketPath } from "../util/short-socket-path.ts";

const TIMEOUT_MS = 5_000;

/** Whether somebody listens on a Unix socket. */
export async function answers(path: string): Promise<boolean> {
  let short: ReturnType<typeof shortSocketPath>;
  try {
    short = shortSocketPath(path);
  } catch {
    return false; // there is not even the directory
  }
  return new Promise((resolve) => {
    const socket = createConnection(short.path);
    const end = (listens: boolean): void => {
      socket.destroy();
      short.done();
      resolve(listens);
    };
    socket.setTimeout(TIMEOUT_MS, () => {
      end(false);
    });
    socket.once("connect", () => {
      end(true);
    });
    socket.once("error", () => {
      end(false);
    });
  });
}
