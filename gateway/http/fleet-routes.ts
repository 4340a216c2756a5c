import type { Hono } from "hono";
import { CodedError } from "../../wire/errors.ts";
import { check } from "../../wire/parse.ts";
import type { Caller } from "../calls.ts";
import type { FleetDesk } from "../fleet-desk.ts";
import type { KnownTarget } from "../registry/known-target.ts";
import { pongBody } from "./answers.ts";
import { expectJson, readBody } from "./body.ts";
import { goneSignal, type GatewayContext, type GatewayEnv } from "./env.ts";
import { jsonValue } from "./json-value.ts";

/** Longest that an administrator's request may take to come, in milliseconds. */
const BODY_MS = 30_000;

/** A target as our own clients see it. Members without a value are left out. */
function row(target: KnownTarget): object {
  const { name, host, port, shell, tags, source, status, way, reachable, node } = target;
  const { seenAt, latencyMs, version, trouble, listedAt } = target;
  const at = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(ms).toISOString();
  return {
    name,
    host,
    port,
    shell,
    tags,
    source,
    status,
    way,
    node,
    reachable,
    seen_at: at(seenAt),
    latency_ms: latencyMs === undefined ? undefined : Math.round(latencyMs * 10) / 10,
    version,
    trouble,
    listed_at: at(listedAt),
  };
}

async function bodyOf(context: GatewayContext): Promise<unknown> {
  expectJson(context.req.header("content-type"));
  const json = jsonValue(await readBody(context.env.incoming, BODY_MS));
  if (json === undefined) throw new CodedError("json_invalid", "the body is not one JSON value in UTF-8");
  return json.value;
}

async function typedBody(context: GatewayContext) {
  const checked = check("fleet_request", await bodyOf(context));
  if (checked.ok) return checked.value;
  const { pointer, message } = checked.violation;
  throw new CodedError("request_invalid", `Invalid request: ${pointer === "" ? "" : `${pointer}: `}${message}`);
}

/** What stands behind a path that ends in a target's name, which may hold slashes. */
function nameIn(context: GatewayContext, path: string): string {
  const raw = new URL(context.req.url).pathname.slice(path.length);
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new CodedError("request_invalid", "the name of the target is not encoded as URLs are");
  }
}

/** The routes of our own clients: targets with all that is known of them, and what administrators change. */
export function mountFleet(app: Hono<GatewayEnv>, desk: FleetDesk): void {
  const admin = (context: GatewayContext): Caller => desk.requireAdmin(context.get("caller"));

  app.get("/v2/targets", (context) => {
    const { req } = context;
    const many = (name: string): readonly string[] => req.queries(name) ?? [];
    const choice = {
      names: many("name"),
      globs: many("match"),
      tags: many("tag"),
      node: req.query("node"),
      all: req.query("all") === "1" || new URL(req.url).search === "",
    };
    return context.json({ targets: desk.select(context.get("caller"), choice).map(row) });
  });
  app.post("/v2/targets", async (context) => {
    admin(context);
    const { name = "", host, port, shell, tags, way } = await typedBody(context);
    return context.json(row(await desk.add({ name, host, port, shell, tags, way })), 201);
  });
  app.patch("/v2/targets/*", async (context) => {
    admin(context);
    const { add_tags: add = [], remove_tags: remove = [] } = await typedBody(context);
    return context.json(row(await desk.tag(nameIn(context, "/v2/targets/"), add, remove)));
  });
  app.delete("/v2/targets/*", async (context) => {
    admin(context);
    await desk.remove(nameIn(context, "/v2/targets/"));
    return context.body(null, 204);
  });
  app.get("/v2/ping/*", async (context) => {
    const name = nameIn(context, "/v2/ping/");
    const { pong, latencyMs } = await desk.ping(context.get("caller"), name, goneSignal(context));
    return context.json(pongBody(name, pong, latencyMs));
  });
  app.get("/v2/gateway", (context) => {
    admin(context);
    return context.json(desk.facts());
  });
  app.post("/v2/enrolments", async (context) => {
    admin(context);
    const { code = "", name, tags } = await typedBody(context);
    const enrolled = await desk.redeem(code, { name, tags });
    return context.json({ name: enrolled.name, host: enrolled.host ?? "", port: enrolled.port, tags: enrolled.tags });
  });
  app.post("/v2/invitations", async (context) => {
    admin(context);
    const { name, tags, addresses = [], minutes } = await typedBody(context);
    const { code, expiresAt } = await desk.invite({ name, tags, addresses, minutes });
    return context.json({ code, expires_at: expiresAt.toISOString() });
  });
  app.post("/v2/key/rotate", async (context) => {
    admin(context);
    return context.json(await desk.rotate());
  });
  app.post("/v2/key/promote", async (context) => {
    admin(context);
    return context.json(await desk.promote());
  });
}
