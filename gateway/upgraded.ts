import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "./calls.ts";
import type { DeskDoor } from "./desk-door.ts";
import type { Upgrade } from "./http/upgrade.ts";

/**
 * The daemon's own protocol on the HTTP port: whoever shows a key and asks for it has the connection for one request, with output while it comes,
 * standard input, and cancelling.
 */
export function protocolTwo(door: DeskDoor): Upgrade {
  return {
    protocol: "cmd2host/2",
    take: (_request: IncomingMessage, socket: Socket, head: Buffer, caller: Caller, peer: string) => {
      socket.setNoDelay(true);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: cmd2host/2\r\n\r\n");
      if (head.length > 0) socket.unshift(head);
      door.take(socket, caller, `http:${peer}`);
    },
  };
}
