import type { Caller } from "../calls.ts";

/** One HTTP request to `/mcp`, of a caller who has shown a key. */
export interface McpExchange {
  readonly caller: Caller;
  /** Whom it comes from, for the audit. */
  readonly peer: string;
  /** Its signal aborts when the client goes away before the answer was sent. */
  readonly request: Request;
  /** Calls back when the connection is done with this exchange, however it ended. */
  readonly onClosed: (listener: () => void) => void;
}

/** MCP over HTTP. */
export interface McpDoor {
  /** A message. @param body within the limit; not looked at yet */
  post(exchange: McpExchange, body: Buffer): Promise<Response>;
  /** GET and DELETE. Undefined when the request names no session: the original had none. */
  session(exchange: McpExchange): Promise<Response> | undefined;
  /** Nothing begins any more; streams that only wait for news end. */
  drain(): void;
  /** Ends every session and whatever runs in it. */
  stop(): void;
}
