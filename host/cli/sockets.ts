import { MAX_SOCKET_PATH } from "../util/short-socket-path.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { setting } from "./setting.ts";

/** The Unix sockets that a daemon makes with these settings: its own, and its twin in the directory that containers may see. */
export function socketsOf(settings: unknown, base: BaseDirectory): readonly string[] {
  if (setting(settings, "listenMode") === "tcp") return [];
  const path = setting(settings, "socketPath");
  if (typeof path === "string" && path !== base.socket) return [path];
  return Buffer.byteLength(base.sharedSocket) <= MAX_SOCKET_PATH ? [base.socket, base.sharedSocket] : [base.socket];
}
