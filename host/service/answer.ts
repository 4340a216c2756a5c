import { createConnection } from "node:net";
import { shortSocketPath } from "../util/short-socket-path.ts";

const TIMEOUT_MS = 5_000;

/** Addresses that mean all of this machine's, and the one to connect to. */
export const ALL_ADDRESSES: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/** Whether somebody listens on a Unix socket. */
export async function answers(path: string): Promise<boolean> {
  let short: ReturnType<typeof shortSocketPath>;
  try {
    short = shortSocketPath(path);
  } catch {
    return false; // there is not even the directory
  }
  return listens({ path: short.path }).finally(short.done);
}

/** Whether somebody listens on a port; an address that stands for all of this machine is looked for on it. */
export async function accepts(host: string, port: number): Promise<boolean> {
  return listens({ host: ALL_ADDRESSES.get(host) ?? host, port });
}

async function listens(
  at: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(at);
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
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
