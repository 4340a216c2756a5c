import type { GatewayCalls } from "../calls.ts";
import type { CommandPages } from "../pages/command-pages.ts";
import type { Page } from "../pages/page.ts";
import { pageBody } from "./answers.ts";
import { expectJson, readBody } from "./body.ts";
import { goneSignal, type GatewayContext, type PeerCall } from "./env.ts";
import { execRequest } from "./exec-request.ts";
import { Rejection } from "./rejection.ts";
import { asksForProfile, lastProfile, Stages } from "./stages.ts";

const NO_TIMINGS: ReadonlyMap<string, number> = new Map();

/** What `/api/exec` needs. */
export interface ExecParts {
  readonly calls: GatewayCalls;
  readonly pages: CommandPages;
  /** When there is output, how long more of it is gathered before it is sent, in milliseconds. */
  readonly gatherMs: number;
  readonly bodyMs: number;
}

/** A command that could not be run is an error, not a page. */
function shown(page: Page): Page {
  if (page.end?.kind === "failed") throw page.end.error;
  return page;
}

function timingsOf({ end }: Page): ReadonlyMap<string, number> {
  return end?.kind === "ended" ? end.end.timings : NO_TIMINGS;
}

/** `POST /api/exec`: starts a command, and answers with its first page. */
export async function startCommand(context: GatewayContext, parts: ExecParts): Promise<Response> {
  expectJson(context.req.header("content-type"));
  const body = await readBody(context.env.incoming, parts.bodyMs);
  const stages = new Stages();
  const caller = context.get("caller");
  const call: PeerCall = { ...execRequest(body), env: new Map(), source: "rest", peer: context.get("peer") };
  const admitted = parts.calls.admit(caller, call);
  stages.mark("registry_lookup");
  const opened = parts.pages.open(caller, admitted);
  stages.mark("setup");
  const wait = { timeoutMs: parts.pages.settings.pageTimeoutMs, gatherMs: parts.gatherMs };
  const first = opened.first(wait, goneSignal(context));
  stages.mark("spawn_rpc");
  const page = shown(await first);
  stages.mark("build_page");
  // The audit is written where the call is decided and where it ends.
  stages.mark("audit");
  const plain = pageBody(page, undefined);
  stages.mark("serialize");
  if (!asksForProfile(context.req.header("x-commando-profile"))) return context.json(plain);
  return context.json(pageBody(page, stages.profile(timingsOf(page))));
}

/**
 * `GET /api/exec?page=TOKEN`: the next page. With `again=1` the page of a token that was used may be had again, as long as nobody asked for the one behind
 * it.
 */
export async function nextPage(context: GatewayContext, parts: ExecParts): Promise<Response> {
  const [token, more] = context.req.queries("page") ?? [];
  if (token === undefined || more !== undefined)
    throw new Rejection(400, "Failed to deserialize query string: `page` has to be given once");
  const wait = { timeoutMs: parts.pages.settings.pageTimeoutMs, gatherMs: parts.gatherMs };
  const again = context.req.query("again") === "1";
  const page = shown(await parts.pages.next(context.get("caller"), token, wait, goneSignal(context), { again }));
  return context.json(pageBody(page, page.end === undefined ? undefined : lastProfile(timingsOf(page))));
}
