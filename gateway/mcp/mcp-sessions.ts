import { randomUUID } from "node:crypto";
import { WebStandardStreamableHTTPServerTransport, type McpServer } from "@modelcontextprotocol/server";
import type { McpExchange } from "../http/mcp-door.ts";
import { rpcError } from "./original.ts";

/** Bounds on sessions. */
export interface SessionBounds {
  readonly maxOfCaller: number;
  readonly maxInAll: number;
  /** A session that nobody has used for so long is forgotten, in milliseconds. */
  readonly idleMs: number;
}

export const SESSION_BOUNDS: SessionBounds = { maxOfCaller: 64, maxInAll: 512, idleMs: 1_800_000 };

const SESSION_NOT_FOUND = -32_001;
const NO_ROOM = -32_000;

interface Session {
  readonly id: string;
  readonly caller: string;
  readonly server: McpServer;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  /** Exchanges that are open, streams included. */
  open: number;
  timer: NodeJS.Timeout | undefined;
}

function refused(status: number, code: number, message: string): Response {
  return Response.json(rpcError(null, code, message), { status });
}

/** Sessions of MCP's Streamable HTTP. A session is its caller's; nobody else can tell that there is one. */
export class McpSessions {
  /** Those that were used last are last. */
  readonly #sessions = new Map<string, Session>();
  readonly #bounds: SessionBounds;
  readonly #serverFor: (exchange: McpExchange) => McpServer;
  #draining = false;

  constructor(bounds: SessionBounds, serverFor: (exchange: McpExchange) => McpServer) {
    this.#bounds = bounds;
    this.#serverFor = serverFor;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Answers `initialize` with a new session. */
  async begin(exchange: McpExchange, message: unknown): Promise<Response> {
    const caller = exchange.caller.name;
    if (this.#draining) return refused(503, NO_ROOM, "the gateway is shutting down");
    if (!this.#makeRoom(caller)) return refused(429, NO_ROOM, "too many MCP sessions are open");
    const id = randomUUID();
    const server = this.#serverFor(exchange);
    const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => id });
    const session: Session = { id, caller, server, transport, open: 0, timer: undefined };
    // Before the first await: two that come at once would both find the last room.
    this.#sessions.set(id, session);
    await server.connect(transport);
    const forget = transport.onclose;
    transport.onclose = () => {
      this.#forget(session);
      forget?.();
    };
    const response = await this.#pass(session, exchange, message);
    if (transport.sessionId === undefined) await transport.close();
    return response;
  }

  /** Passes a request of a session on. */
  async handle(exchange: McpExchange, id: string, message?: unknown): Promise<Response> {
    const session = this.#sessions.get(id);
    if (session?.caller !== exchange.caller.name) return refused(404, SESSION_NOT_FOUND, "Session not found");
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    return this.#pass(session, exchange, message);
  }

  /** No session begins any more, and streams that wait for news end. */
  drain(): void {
    this.#draining = true;
    for (const { transport } of this.#sessions.values()) transport.closeStandaloneSSEStream();
  }

  /** Ends all sessions, and what runs in them. */
  stop(): void {
    this.#draining = true;
    for (const session of [...this.#sessions.values()]) this.#end(session);
  }

  async #pass(session: Session, exchange: McpExchange, message: unknown): Promise<Response> {
    clearTimeout(session.timer);
    session.open++;
    exchange.onClosed(() => {
      session.open--;
      if (session.open === 0 && this.#sessions.has(session.id)) this.#waitIdle(session);
    });
    return session.transport.handleRequest(exchange.request, message === undefined ? {} : { parsedBody: message });
  }

  #waitIdle(session: Session): void {
    clearTimeout(session.timer);
    session.timer = setTimeout(() => {
      this.#end(session);
    }, this.#bounds.idleMs).unref();
  }

  /** Clients go without a word, so the session that was unused for longest makes room. */
  #makeRoom(caller: string): boolean {
    const all = [...this.#sessions.values()];
    const own = all.filter((session) => session.caller === caller);
    const isFull = own.length >= this.#bounds.maxOfCaller || all.length >= this.#bounds.maxInAll;
    if (!isFull) return true;
    const unused = own.find(({ open }) => open === 0);
    if (unused === undefined) return false;
    this.#end(unused);
    return true;
  }

  #end(session: Session): void {
    this.#forget(session);
    session.transport.close().catch(() => undefined);
  }

  #forget(session: Session): void {
    clearTimeout(session.timer);
    this.#sessions.delete(session.id);
  }
}
