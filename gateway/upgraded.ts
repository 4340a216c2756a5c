import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { CodedError } from "../wire/errors.ts";
import { Slots } from "../host/exchange/limits.ts";
import type { Reception } from "../host/exchange/reception.ts";
import type { Caller } from "./calls.ts";
import type { Upgrade } from "./http/upgrade.ts";
import type { GatewayDesk } from "./relay/handle.ts";

/** Requests of all callers that are worked on at the same time. */
const MAX_WORKING = 1_024;

/**
 * The daemon's own protocol on the HTTP port: whoever shows a key and asks for it has the connection for one request, with output while it comes,
 * standard input, and cancelling.
 */
export function protocolTwo(reception: Reception, desk: GatewayDesk): Upgrade {
  const slots = new Slots(MAX_WORKING);
  const full = new CodedError("agent_full", `the gateway works on ${MAX_WORKING} requests already`);
  return {
    protocol: "cmd2host/2",
    take: (_request: IncomingMessage, socket: Socket, head: Buffer, caller: Caller, peer: string) => {
      socket.setNoDelay(true);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: cmd2host/2\r\n\r\n");
      if (head.length > 0) socket.unshift(head);
      const accept = reception.forOthers(
        async (message, peer, signal, live) => desk.handle(caller, message, peer, signal, live),
        slots,
        full,
      );
      accept(socket, { transport: "http", id: `http:${peer}` });
    },
  };
}
