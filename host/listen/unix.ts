import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { IS_BUN } from "../util/runtime.ts";
import { MAX_SOCKET_PATH } from "../util/short-socket-path.ts";
import { isBound } from "./bound.ts";
import type { Listener, OnConnection } from "./listener.ts";
import { closed, listening } from "./server.ts";

/** What connecting says when there is certainly nothing: everything else (a full backlog, no permission, another kind of socket) is a sign of life. */
const DEAD = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK"]);

/** True when something may be serving the socket. */
export async function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      resolve(!DEAD.has(errnoOf(error) ?? "") || (IS_BUN && isBound(path)));
    });
  });
}

/** Removes a socket that nobody serves. A live one is never taken; anything else at the path stays. @throws CodedError `listen_failed`, `daemon_already_running` */
export async function clearPath(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new CodedError("listen_failed", `${printable(path)} exists but is not a socket`, {
      hint: "Remove it or set another socket_path.",
    });
  }
  if (await isServed(path)) throw new CodedError("daemon_already_running", `another daemon serves ${printable(path)}`);
  unlinkSync(path);
}

/**
 * Listens on a Unix socket. It is bound under a umask that lets only the owner in, and then given its mode.
 * @param mode permission bits
 * @throws CodedError `listen_failed`, `daemon_already_running`
 */
export async function listenUnix(path: string, mode: number, onConnection: OnConnection): Promise<Listener> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new CodedError("listen_failed", `socket path is longer than ${MAX_SOCKET_PATH} bytes: ${printable(path)}`, {
      hint: "Set a shorter socket_path in daemon.json, or a shorter CMD2HOST_CONFIG_DIR.",
    });
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    await clearPath(path);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError(
      "listen_failed",
      `failed to listen on Unix socket ${printable(path)}: ${errnoOf(error) ?? messageOf(error)}`,
      { cause: error },
    );
  }
  const previous = process.umask(0o177);
  const pending = listening({ path }, `Unix socket ${path}`, onConnection, () => ({ transport: "unix", id: "unix" }));
  process.umask(previous); // bound already: node binds before `listen` returns
  const server = await pending;
  chmodSync(path, mode);
  return { address: `${path} (Unix socket)`, close: async () => closed(server) };
}
