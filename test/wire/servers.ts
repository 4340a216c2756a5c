import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Address } from "../../wire/client.ts";

/** A server of a few lines; `onRequest` is called when a JSON object has come. It is stopped when the test ends. */
export async function serverOf(
  kind: Address["kind"],
  onRequest: (socket: Socket, request: Readonly<Record<string, unknown>>) => void,
): Promise<Address> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      if (text.endsWith("}")) onRequest(socket, JSON.parse(text) as Readonly<Record<string, unknown>>);
    });
  });
  const directory = mkdtempSync(join(tmpdir(), "c2h-"));
  const path = kind === "unix" ? join(directory, "s") : undefined;
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  });
  const bound = server.address();
  if (path !== undefined) return { kind: "unix", path };
  if (typeof bound !== "object" || bound === null) throw new Error("no port");
  return { kind: "tcp", host: "127.0.0.1", port: bound.port };
}
