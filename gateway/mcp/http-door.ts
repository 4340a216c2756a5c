import { createMcpHandler, type McpHttpHandler } from "@modelcontextprotocol/server";
import type { Caller } from "../calls.ts";
import { jsonValue } from "../http/json-value.ts";
import type { McpDoor, McpExchange } from "../http/mcp-door.ts";
import { fleetServer } from "./fleet-server.ts";
import { McpSessions, SESSION_BOUNDS, type SessionBounds } from "./mcp-sessions.ts";
import { OriginalMcp, PARSE_ERROR, rpcError } from "./original.ts";
import type { ToolParts } from "./tool.ts";
import { asksForNewer, saysItsVersion } from "./versions.ts";

const SESSION_HEADER = "mcp-session-id";

/**
 * MCP over HTTP. A client that asks for a version from 2025-03-26 on, and takes event streams, gets a session; one that says a newer version with each
 * message is answered in that; all others get what the original answers.
 */
export class HttpMcp implements McpDoor {
  readonly #original: OriginalMcp;
  readonly #sessions: McpSessions;
  readonly #modern: McpHttpHandler;
  readonly #exchanges = new WeakMap<Request, McpExchange>();

  constructor(parts: ToolParts, bounds: SessionBounds = SESSION_BOUNDS) {
    this.#original = new OriginalMcp(parts);
    const peerOf = (request: Request | undefined): string => this.#exchangeOf(request)?.peer ?? "";
    this.#sessions = new McpSessions(bounds, ({ caller }) => fleetServer(parts, { caller, peerOf }));
    this.#modern = createMcpHandler(
      ({ requestInfo }) => fleetServer(parts, { caller: this.#callerOf(requestInfo), peerOf }),
      { legacy: "reject" },
    );
  }

  /** How many sessions are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  async post(exchange: McpExchange, body: Buffer): Promise<Response> {
    const { request, caller, peer } = exchange;
    const json = jsonValue(body);
    const session = request.headers.get(SESSION_HEADER);
    this.#exchanges.set(request, exchange);
    if (json === undefined)
      return Response.json(rpcError(null, PARSE_ERROR, "parse error"), { status: session === null ? 200 : 400 });
    const { value } = json;
    if (session !== null) return this.#sessions.handle(exchange, session, value);
    const takesEvents = request.headers.get("accept")?.includes("text/event-stream") === true;
    if (takesEvents && asksForNewer(value)) return this.#sessions.begin(exchange, value);
    if (saysItsVersion(value)) return this.#modern.fetch(request, { parsedBody: value });
    const reply = await this.#original.answer(value, { caller, peer, signal: request.signal });
    if (reply.body === undefined) return new Response(null, { status: 202 });
    return Response.json(reply.body, { status: reply.isBug ? 500 : 200 });
  }

  session(exchange: McpExchange): Promise<Response> | undefined {
    const id = exchange.request.headers.get(SESSION_HEADER);
    this.#exchanges.set(exchange.request, exchange);
    return id === null ? undefined : this.#sessions.handle(exchange, id);
  }

  drain(): void {
    this.#sessions.drain();
  }

  stop(): void {
    this.#sessions.stop();
    this.#modern.close().catch(() => undefined);
  }

  #exchangeOf(request: Request | undefined): McpExchange | undefined {
    return request === undefined ? undefined : this.#exchanges.get(request);
  }

  #callerOf(request: Request | undefined): Caller {
    const exchange = this.#exchangeOf(request);
    if (exchange === undefined) throw new Error("a request of MCP that did not come through the door");
    return exchange.caller;
  }
}
