import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { cancelled } from "../wire/client-connect.ts";
import { CodedError, errnoOf } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { CONNECT_MS } from "./limits.ts";

const ADDRESS = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/;

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads HOST:PORT; an IPv6 address stands in brackets. Undefined when it is none. */
export function tcpAddress(text: string): TcpAddress | undefined {
  const [, bracketed, plain, digits = ""] = ADDRESS.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

async function dial(address: string, signal: AbortSignal): Promise<Duplex> {
  const at = tcpAddress(address);
  if (at === undefined) throw new CodedError("target_unreachable", printable(`${address}: is not HOST:PORT`));
  return new Promise((resolve, reject) => {
    const socket = createConnection({ ...at, allowHalfOpen: true, noDelay: true, keepAlive: true });
    const settle = (error: CodedError | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.off("error", fail);
      socket.on("error", () => undefined);
      if (error === undefined) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(error);
    };
    const fail = (error: Error): void => {
      settle(new CodedError("target_unreachable", printable(`${address}: ${errnoOf(error) ?? error.message}`)));
    };
    const abort = (): void => {
      settle(cancelled());
    };
    const timer = setTimeout(() => {
      settle(new CodedError("target_unreachable", printable(`${address}: no answer within ${CONNECT_MS / 1_000} s`)));
    }, CONNECT_MS);
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", fail);
    socket.once("connect", () => {
      settle(undefined);
    });
    if (signal.aborted) abort();
  });
}

/** A connection to the first of the addresses (HOST:PORT) that answers. @throws CodedError `target_unreachable`, `cancelled` */
export function tcpConnect(addresses: readonly string[]): (signal: AbortSignal) => Promise<Duplex> {
  return async (signal) => {
    let trouble = new CodedError("target_unreachable", "it has no address");
    for (const address of addresses)
      try {
        return await dial(address, signal);
      } catch (error) {
        if (!(error instanceof CodedError) || error.code === "cancelled") throw error;
        trouble = error;
      }
    throw trouble;
  };
}
