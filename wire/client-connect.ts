import { createConnection, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { CodedError, errnoOf } from "./errors.ts";
import { CLIENT_DIAL_TIMEOUT_MS } from "./limits.ts";

/** Where a daemon listens, and the way there. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** To a daemon over something that is there already: a link, or a server of another protocol. */
export interface Way {
  readonly kind: "way";
  /** For people. */
  readonly name: string;
  /** @throws CodedError */
  readonly connect: (signal: AbortSignal | undefined) => Promise<Duplex>;
}

export function addressText(address: Address | Way): string {
  if (address.kind === "unix") return address.path;
  if (address.kind === "way") return address.name;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** What a caller hears who ended the call. */
export function cancelled(): CodedError {
  return new CodedError("cancelled", "cancelled by the caller");
}

/** When nothing is heard for this long, TCP asks whether the other side is still there. */
const KEEP_ALIVE_MS = 30_000;

/**
 * An open connection, which the caller closes. Its errors are not thrown, whoever listens.
 * @throws CodedError `daemon_unreachable`, `cancelled`
 */
export async function connected(address: Address | Way, signal: AbortSignal | undefined): Promise<Duplex> {
  if (signal?.aborted === true) throw cancelled();
  return address.kind === "way" ? address.connect(signal) : dialled(address, signal);
}

async function dialled(address: Address, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      address.kind === "unix" ? createConnection(address.path) : createConnection(address.port, address.host);
    const giveUp = (error: CodedError): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const unreachable = (why: string): void => {
      giveUp(
        new CodedError("daemon_unreachable", `failed to connect to cmd2host daemon at ${addressText(address)}: ${why}`),
      );
    };
    const timer = setTimeout(() => {
      unreachable(`no answer within ${CLIENT_DIAL_TIMEOUT_MS / 1_000} s`);
    }, CLIENT_DIAL_TIMEOUT_MS);
    const cancel = (): void => {
      giveUp(cancelled());
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      socket.removeAllListeners("error");
      socket.on("error", () => undefined);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    socket.once("connect", () => {
      settle();
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.setNoDelay(true);
      resolve(socket);
    });
    socket.once("error", (error) => {
      unreachable(errnoOf(error) ?? error.message);
    });
  });
}
