import { createConnection, type Socket } from "node:net";
import { errnoOf } from "../../wire/errors.ts";
import { cancelled, unreachable } from "./failure.ts";

/** When nothing is heard for this long, TCP asks whether the other side is still there. */
const KEEP_ALIVE_MS = 10_000;

/** Where an agent is, and how long it may take to get there. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * An open connection to an agent.
 * @throws CodedError `target_unreachable`, `cancelled`
 */
export async function dialled(options: DialOptions): Promise<Socket> {
  const { host, port, connectTimeoutMs, signal } = options;
  if (signal.aborted) throw cancelled();
  const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const socket = createConnection({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
  let timer: NodeJS.Timeout | undefined;
  let cancel = (): void => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      cancel = () => {
        reject(cancelled());
      };
      signal.addEventListener("abort", cancel, { once: true });
      timer = setTimeout(() => {
        reject(unreachable(`no connection to ${place} within ${connectTimeoutMs} ms`));
      }, connectTimeoutMs);
      socket.once("connect", resolve);
      socket.on("error", (error) => {
        reject(unreachable(`no connection to ${place}: ${errnoOf(error) ?? error.message}`));
      });
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
  }
}
