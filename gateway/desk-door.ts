import { duplexPair, type Duplex } from "node:stream";
import { DaemonClient, Dialect } from "../wire/client.ts";
import type { DaemonCalls } from "../wire/daemon-calls.ts";
import { CodedError } from "../wire/errors.ts";
import { Slots } from "../host/exchange/limits.ts";
import type { Reception } from "../host/exchange/reception.ts";
import type { Caller } from "./calls.ts";
import type { GatewayDesk } from "./relay/handle.ts";

/** Requests of all callers that are worked on at the same time. */
const MAX_WORKING = 1_024;

/** Where connections go whose caller is known: each carries one request by the daemon's own protocol. */
export class DeskDoor {
  readonly #reception: Reception;
  readonly #desk: GatewayDesk;
  readonly #slots = new Slots(MAX_WORKING);
  readonly #full = new CodedError("agent_full", `the gateway works on ${MAX_WORKING} requests already`);

  constructor(reception: Reception, desk: GatewayDesk) {
    this.#reception = reception;
    this.#desk = desk;
  }

  /** @param peer whom it comes from, for records */
  take(connection: Duplex, caller: Caller, peer: string): void {
    const accept = this.#reception.forOthers(
      async (message, from, signal, live) => this.#desk.handle(caller, message, from, signal, live),
      this.#slots,
      this.#full,
    );
    accept(connection, { transport: "http", id: peer });
  }

  /** What can be asked of a target in the name of a caller: what a client with the caller's key could, and no more. */
  client(caller: Caller, peer: string, target: string): DaemonCalls {
    const connect = async (): Promise<Duplex> => {
      const [near, far] = duplexPair();
      // Whoever is cut off hears of it by the end of the connection.
      for (const end of [near, far]) end.on("error", () => undefined);
      this.take(far, caller, peer);
      return Promise.resolve(near);
    };
    return new DaemonClient({ kind: "way", name: target, connect }, "", new Dialect(), { target });
  }
}
