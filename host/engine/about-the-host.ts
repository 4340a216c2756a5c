import { CodedError } from "../../wire/errors.ts";
import type { Reply } from "../../wire/outcome.ts";
import type {
  AboutApprovals,
  ExplainOperationRequest,
  ExplainRequest,
  PageDoorRequest,
  StatsRequest,
} from "../../wire/request.ts";
import { aboutApprovals } from "./about-approvals.ts";
import { aboutExplaining, type Telling } from "./about-explaining.ts";
import type { Peer, Rooms } from "./rooms.ts";
import type { Trail } from "./trail.ts";

/** What is the same for all steps of one request. */
interface Asked {
  readonly peer: Peer;
  readonly trail: Trail;
  readonly signal: AbortSignal;
}

/**
 * Answers what the owner of the host asks, on the owner's way in; to all others it is a wrong token. What would become of an operation sessions may ask,
 * too. What changes something is recorded first.
 * @throws CodedError `unauthenticated`, and what the rooms throw
 */
export async function aboutTheHost(
  rooms: Rooms,
  request: AboutApprovals | ExplainOperationRequest | ExplainRequest | PageDoorRequest | StatsRequest,
  { peer, trail, signal }: Asked,
  telling: Telling,
): Promise<Reply> {
  const isOwner = peer.transport === "owner";
  if (request.kind === "explain" || request.kind === "explain_operation")
    return aboutExplaining(rooms, request, isOwner, trail, telling);
  if (!isOwner) throw new CodedError("unauthenticated", "Authentication failed");
  if (request.kind === "stats") return { shape: "stats", stats: rooms.stats(request.project) };
  if (request.kind === "page") {
    telling.record();
    return openPage(rooms, request);
  }
  if (request.kind === "answer" || request.kind === "revoke_grants") {
    trail.rule = request.kind === "answer" ? `${request.answer}:${request.id}` : request.kind;
    telling.record();
  }
  return aboutApprovals(rooms.approvals, request, "terminal", signal);
}

async function openPage({ page }: Pick<Rooms, "page">, request: PageDoorRequest): Promise<Reply> {
  try {
    const served = request.stop ? { stopped: await page.stop() } : await page.open(request.socket);
    return { shape: "served_page", served };
  } catch (error) {
    // It was permitted, and recorded as such; that it could not be done is no second decision.
    if (error instanceof CodedError) return { shape: "served_page", error };
    throw error;
  }
}
