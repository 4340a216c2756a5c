import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Caller, ShellCall } from "../calls.ts";

/** What routes of the gateway find in their context. */
export interface GatewayEnv {
  Bindings: HttpBindings;
  Variables: {
    caller: Caller;
    /** Whom the request comes from, for the audit. */
    peer: string;
  };
}

export type GatewayContext = Context<GatewayEnv>;

/** A call with the address that it came from, for whoever records it. */
export interface PeerCall extends ShellCall {
  readonly peer: string;
}

/** Aborts when the client has gone before its answer was sent. */
export function goneSignal(context: GatewayContext): AbortSignal {
  return context.req.raw.signal;
}
