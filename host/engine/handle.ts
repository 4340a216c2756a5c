import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { Reply } from "../../wire/outcome.ts";
import { parseRequest, replyShapeOf } from "../../wire/parse-request.ts";
import { ended, refusal } from "../../wire/reply.ts";
import type {
  AboutRuns,
  DescribeRequest,
  ListRequest,
  McpSessionRequest,
  PingRequest,
  Request,
  WatchRequest,
} from "../../wire/request.ts";
import { describeOperation, listOperations } from "../operation/info.ts";
import type { Project } from "../project/types.ts";
import { DEFAULT_RULES } from "../redact/redact-rules.ts";
import type { Masking } from "../redact/redaction.ts";
import type { Viewer } from "../runs/runs.ts";
import { VERSION } from "../util/version.ts";
import { aboutRuns } from "./about-runs.ts";
import { aboutTheHost } from "./about-the-host.ts";
import { knownError, type Case } from "./case.ts";
import { maskedError, outcomeOf } from "./ending.ts";
import { liveClient, serveMcp } from "./mcp-session.ts";
import { operate } from "./operate.ts";
import { withoutOwnPaths } from "./own-paths.ts";
import { decisionOf, endingOf } from "./recorded.ts";
import type { Peer, Rooms } from "./rooms.ts";
import { delay, onAbort } from "./waiting.ts";

/** How often a watched list is looked at. */
const WATCH_INTERVAL_MS = 1_000;
const LENGTH_OF_REVISION = 16;

/** Changes whenever the list of operations may have changed. */
function revisionOf(project: Project): string {
  return project.configHash.slice(0, LENGTH_OF_REVISION);
}

/**
 * The one function that everything which can speak to us calls: a message in, one reply out, and what happens between for whoever watches. Every
 * denial and failure is caught here, recorded once, and answered once.
 */
export class Engine {
  readonly #rooms: Rooms;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /**
   * @param message parsed JSON
   * @param signal aborts the request; its reason is `cancelled`, `disconnected` or `shutting_down`
   * @param live the client, when it is there while its operation runs
   */
  async handle(message: unknown, peer: Peer, signal: AbortSignal, live?: Live): Promise<Reply> {
    const of: Case = { id: peer.via?.id ?? randomUUID(), peer, trail: {}, signal, live };
    let request: Request | undefined;
    try {
      const parsed = (request = parseRequest(message));
      switch (request.kind) {
        case "list":
        case "describe":
          return this.#tell(request, of);
        case "watch":
          return await this.#watch(request, of);
        case "ping":
          return this.#ping(request, of);
        case "operation":
          return await operate(this.#rooms, request, of, () => {
            this.#record(of, request);
          });
        case "mcp_session":
          return await this.#serveMcp(request, of);
        case "approvals":
        case "answer":
        case "grants":
        case "revoke_grants":
        case "explain_operation":
        case "explain":
        case "page":
        case "stats":
          return await aboutTheHost(this.#rooms, request, of, {
            record: (denied) => {
              this.#record(of, parsed, denied);
            },
            mask: (text) => this.#masked(of, parsed, text),
          });
        case "status":
        case "read":
        case "cancel":
        case "runs":
          return await this.#askRuns(request, of);
      }
    } catch (error) {
      const coded = maskedError(knownError(this.#rooms, error, of.id), this.#masking(request, of));
      this.#recordDenial(of, request, coded);
      const told = peer.transport === "owner" ? coded : withoutOwnPaths(coded, this.#rooms.ownPaths);
      if (request?.kind !== "operation") return refusal(replyShapeOf(message), told);
      return ended(request.requestId, request.protocol, outcomeOf(told));
    }
  }

  /** For what is said about a request. An operation may let its output through; what is said about it stays masked. */
  #masking(request: Request | undefined, { trail }: Case): Masking {
    const { project, operation = "", session } = trail;
    const rules = project?.operations.get(operation)?.redact ?? project?.redact ?? DEFAULT_RULES;
    // A token that nobody knows is no secret of ours, and its value could be any word.
    const token = session === undefined ? "" : request !== undefined && "token" in request ? request.token : "";
    return this.#rooms.redaction.for({ token, rules, environment: undefined });
  }

  #masked(of: Case, request: Request | undefined, text: string): string {
    return this.#masking(request, of).redactText(text).text;
  }

  #record(of: Case, request: Request | undefined, error?: CodedError): void {
    const mask = (text: string): string => this.#masked(of, request, text);
    this.#rooms.audit.decided(decisionOf(of, request, error, mask));
  }

  /** Nothing runs after a denial, so it stands even when it cannot be recorded; the audit counts those. */
  #recordDenial(of: Case, request: Request | undefined, error: CodedError): void {
    try {
      this.#record(of, request, error);
    } catch (unrecorded) {
      if (!(unrecorded instanceof CodedError) || unrecorded.code !== "audit_unavailable") throw unrecorded;
    }
  }

  #projectOf({ token }: ListRequest | DescribeRequest | WatchRequest | PingRequest, { trail }: Case): Project {
    const session = (trail.session = this.#rooms.authenticate(token));
    return (trail.project = this.#rooms.resolveProject(session));
  }

  #tell(request: ListRequest | DescribeRequest, of: Case): Reply {
    const project = this.#projectOf(request, of);
    const reply: Reply =
      request.kind === "list"
        ? { shape: "list", operations: listOperations(project, request.prefix), revision: revisionOf(project) }
        : { shape: "describe", operation: describeOperation(project, request.operation) };
    this.#record(of, request);
    return reply;
  }

  /** Not recorded: a gateway asks every minute. */
  #ping(request: PingRequest, of: Case): Reply {
    const { operations, allowed } = this.#projectOf(request, of);
    const shell = allowed.map((id) => operations.get(id)?.machine?.shell).find((name) => name !== undefined);
    return {
      shape: "pong",
      pong: {
        hostname: hostname(),
        uptime_seconds: Math.floor(process.uptime()),
        shell: shell ?? "",
        version: VERSION,
      },
    };
  }

  /** Looks at the list again and again until it is another one, or the time is over. */
  async #watch(request: WatchRequest, of: Case): Promise<Reply> {
    const deadline = performance.now() + request.waitMs;
    for (;;) {
      const project = this.#projectOf(request, of);
      const left = deadline - performance.now();
      if (revisionOf(project) !== request.revision || left <= 0 || of.signal.aborted) {
        this.#record(of, request);
        return { shape: "list", operations: listOperations(project, ""), revision: revisionOf(project) };
      }
      await delay(Math.min(WATCH_INTERVAL_MS, left), of.signal);
    }
  }

  /** Looking at one's own runs is not recorded, or a client that polls would fill the record; ending one is. */
  async #askRuns(request: AboutRuns, of: Case): Promise<Reply> {
    const viewer = this.#viewer(request, of);
    if (request.kind === "cancel") {
      of.trail.operation = (await this.#rooms.runs.status(viewer, request.runId, 0, of.signal)).operation;
      this.#record(of, request);
    }
    return aboutRuns(this.#rooms, request, viewer, of.signal);
  }

  #viewer({ token }: AboutRuns, { peer, trail }: Case): Viewer {
    if (peer.transport === "owner") return { kind: "owner" };
    const session = (trail.session = this.#rooms.authenticate(token));
    return { kind: "session", key: session.key };
  }

  async #serveMcp(request: McpSessionRequest, of: Case): Promise<Reply> {
    const client = liveClient(of.live);
    const session = (of.trail.session = this.#rooms.authenticate(request.token));
    this.#record(of, request);
    const stop = new AbortController();
    onAbort(of.signal, (reason) => {
      stop.abort(reason === "disconnected" ? "cancelled" : reason);
    });
    const started = performance.now();
    const outcome = await serveMcp(this.#rooms, of.id, request, session, client, stop.signal);
    this.#rooms.audit.ended(endingOf(of.id, outcome, started, undefined));
    return ended(undefined, request.protocol, outcome);
  }
}
