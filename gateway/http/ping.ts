import type { GatewayCalls } from "../calls.ts";
import { CodedError } from "../../wire/errors.ts";
import { errorBody, pongBody } from "./answers.ts";
import { goneSignal, type GatewayContext } from "./env.ts";
import { Rejection } from "./rejection.ts";
import { statusOf } from "./status.ts";

/** Where names of targets begin in the path of a ping. */
export const PING_PATH = "/api/ping/";
const FAILED = 502;

/** The target that a ping names; names may hold slashes. Empty when there is none. */
function targetOf(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? "";
  if (!path.startsWith(PING_PATH)) return "";
  try {
    return decodeURIComponent(path.slice(PING_PATH.length)).replace(/^\//, "");
  } catch {
    throw new Rejection(400, "Invalid URL: the name of the target is no UTF-8");
  }
}

/** `GET /api/ping/{name…}` */
export async function ping(context: GatewayContext, calls: GatewayCalls): Promise<Response> {
  const target = targetOf(context.env.incoming.url ?? "");
  if (target === "") return context.notFound();
  try {
    const { pong, latencyMs } = await calls.ping(context.get("caller"), target, goneSignal(context));
    return context.json(pongBody(target, pong, latencyMs));
  } catch (error) {
    if (!(error instanceof CodedError) || statusOf(error.code) !== FAILED) throw error;
    return context.json(errorBody(error, "ping failed: "), FAILED);
  }
}
