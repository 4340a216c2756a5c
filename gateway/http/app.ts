import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { CodedError } from "../../wire/errors.ts";
import { errorBody, targetRow } from "./answers.ts";
import { readBody } from "./body.ts";
import type { GatewayContext, GatewayEnv } from "./env.ts";
import { nextPage, startCommand, type ExecParts } from "./exec.ts";
import { unauthorized, type KeyCheck } from "./key-check.ts";
import type { McpDoor, McpExchange } from "./mcp-door.ts";
import { ping, PING_PATH } from "./ping.ts";
import { Rejection } from "./rejection.ts";
import { retryAfter, statusOf } from "./status.ts";

/** What the routes are made of. */
export interface AppParts extends ExecParts {
  readonly keys: KeyCheck;
  readonly mcp: McpDoor;
  readonly peerOf: (context: GatewayContext) => string;
  /** Told when a request has shown a good key. */
  readonly authenticated: (context: GatewayContext) => void;
  /** Adds routes of others. Whoever comes to them has shown a key; what they throw is answered as here. */
  readonly mount: ((app: Hono<GatewayEnv>) => void) | undefined;
  readonly reportBug: (error: unknown) => void;
}

const HEALTH = "/health";

function notAllowed(allow: string): (context: GatewayContext) => Response {
  return (context) => context.body(null, 405, { Allow: allow });
}

function exchangeOf(context: GatewayContext): McpExchange {
  return {
    caller: context.get("caller"),
    peer: context.get("peer"),
    request: context.req.raw,
    onClosed: (listener) => context.env.outgoing.once("close", listener),
  };
}

function answerError(context: GatewayContext, error: unknown, reportBug: AppParts["reportBug"]): Response {
  if (error instanceof Rejection) return context.text(error.message, error.status);
  if (!(error instanceof CodedError)) reportBug(error);
  const shown = error instanceof CodedError ? error : new CodedError("internal", "internal error in the gateway");
  const status = statusOf(shown.code);
  const seconds = retryAfter(status);
  if (seconds !== undefined) context.header("Retry-After", seconds);
  if (status === 401) context.header("WWW-Authenticate", "Bearer");
  return context.json(errorBody(shown), status);
}

/** The routes of the gateway. Whoever comes here has passed the guard. */
export function gatewayApp(parts: AppParts): Hono<GatewayEnv> {
  const { calls, keys, mcp, bodyMs, reportBug } = parts;
  const app = new Hono<GatewayEnv>();

  app.notFound((context) => context.body(null, 404));
  app.onError((error, context) => answerError(context, error, reportBug));

  // The key is asked for before anything else, also on paths that there are not.
  app.use(async (context, next) => {
    if (context.req.path === HEALTH) return next();
    const peer = parts.peerOf(context);
    const caller = await keys.callerOf(context.env.incoming.headers.authorization, peer);
    if (caller === "drop") {
      context.env.outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    if (caller === undefined) throw unauthorized();
    context.set("caller", caller);
    context.set("peer", peer);
    parts.authenticated(context);
    return next();
  });

  app.get(HEALTH, (context) => context.json({ status: "ok" }));
  app.all(HEALTH, notAllowed("GET,HEAD"));

  app.get("/api/targets", (context) => context.json(calls.targets(context.get("caller")).map(targetRow)));
  app.all("/api/targets", notAllowed("GET,HEAD"));

  app.get(`${PING_PATH}*`, async (context) => ping(context, calls));
  app.all(`${PING_PATH}*`, notAllowed("GET,HEAD"));

  app.post("/api/exec", async (context) => startCommand(context, parts));
  app.get("/api/exec", async (context) => nextPage(context, parts));
  app.all("/api/exec", notAllowed("POST,GET,HEAD"));

  app.post("/mcp", async (context) => {
    const body = await readBody(context.env.incoming, bodyMs);
    return mcp.post(exchangeOf(context), body);
  });
  app.on(["GET", "DELETE"], "/mcp", async (context) => {
    const isSession = context.req.method === "GET" || context.req.method === "DELETE";
    const answer = isSession ? await mcp.session(exchangeOf(context)) : undefined;
    // As the original: no Allow here.
    return answer ?? context.body(null, 405);
  });
  app.all("/mcp", notAllowed("POST,GET,HEAD,DELETE"));

  parts.mount?.(app);
  return app;
}
