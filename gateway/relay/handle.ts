import { randomUUID } from "node:crypto";
import { CODES } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import { NO_OUTPUT, type Outcome, type Reply } from "../../wire/outcome.ts";
import { parseRequest, replyShapeOf } from "../../wire/parse-request.ts";
import { deniedBy, ended, refusal } from "../../wire/reply.ts";
import { check } from "../../wire/parse.ts";
import type { OperationRequest, Request } from "../../wire/request.ts";
import type { Peer } from "../../host/engine/rooms.ts";
import type { Caller } from "../calls.ts";
import { endOf } from "./outcome.ts";
import type { Admitted, Relay } from "./relay.ts";

/** Members of a request that are the gateway's affair, not the target's. */
const OWN = new Set(["target", "token", "via", "protocol"]);

function forTarget(message: object): object {
  return Object.fromEntries(Object.entries(message).filter(([name]) => !OWN.has(name)));
}

/** Which target a request of any kind names. */
function targetOf(message: object): string {
  const target: unknown = Object.getOwnPropertyDescriptor(message, "target")?.value;
  return typeof target === "string" ? target : "";
}

/** What the caller sent, for records. */
function argvOf({ route }: OperationRequest): readonly string[] {
  if (route.kind === "raw") return route.argv;
  const params = Object.fromEntries(route.params);
  const { command } = params;
  if (route.operation === "shell" && typeof command === "string") return [route.operation, command];
  return [route.operation, ...route.flags, ...(route.params.size === 0 ? [] : [JSON.stringify(params)])];
}

/** The requests of callers by the daemon's own protocol: as on a host, with the target beside it. */
export class GatewayDesk {
  readonly #relay: Relay;
  readonly #reportBug: (error: unknown) => void;

  constructor(relay: Relay, reportBug: (error: unknown) => void) {
    this.#relay = relay;
    this.#reportBug = reportBug;
  }

  /** Answers everything; throws only what nobody could have expected. */
  async handle(caller: Caller, message: unknown, peer: Peer, signal: AbortSignal, live?: Live): Promise<Reply> {
    let request: Request | undefined;
    try {
      request = parseRequest(message);
      if (typeof message !== "object" || message === null) throw new CodedError("request_unknown_type", "no object");
      if (request.kind === "operation") return await this.#operation(caller, request, message, peer, signal, live);
      return await this.#ask(caller, request, message, signal);
    } catch (error) {
      const coded = error instanceof CodedError ? error : new CodedError("internal", "internal error in the gateway");
      if (coded !== error) this.#reportBug(error);
      if (request?.kind === "operation") return ended(request.requestId, request.protocol, endedBy(coded));
      return refusal(replyShapeOf(message), coded);
    }
  }

  async #operation(
    caller: Caller,
    request: OperationRequest,
    message: object,
    peer: Peer,
    signal: AbortSignal,
    live: Live | undefined,
  ): Promise<Reply> {
    const began = performance.now();
    const { route, background, requestId, protocol, target } = request;
    const operation = route.kind === "named" ? route.operation : await this.#meant(caller, target, message, signal);
    const admitted = this.#relay.admitted({
      id: randomUUID(),
      caller,
      peer: peer.id,
      transport: peer.transport,
      route: route.kind === "named" ? "mcp" : "raw_argv",
      target,
      operation,
      argv: argvOf(request),
      message: forTarget(message),
    });
    if (live === undefined || background) return { shape: "passed_on", fields: await admitted.ask(signal) };
    const sent = performance.now();
    const ran = await admitted.run(route.kind === "raw" ? onlyThis(live, admitted, signal) : live, signal);
    const { timings, ...outcome } = ran;
    if (!request.profile) return endOf(outcome, requestId, protocol);
    const own = { gateway_admit: sent - began, gateway_relay: performance.now() - sent };
    return endOf({ ...outcome, timings: { ...timings, ...own } }, requestId, protocol);
  }

  /** Which operation of a target a command line means: the target says. */
  async #meant(caller: Caller, name: string, message: object, signal: AbortSignal): Promise<string> {
    const { agent, via } = this.#relay.agent(caller, name);
    const { raw_argv: argv } = message as { readonly raw_argv?: unknown };
    const reply = await agent.ask({ explain_operation: { raw_argv: argv } }, via, signal, 0);
    const checked = check("explanation_reply", reply);
    const explanation = checked.ok ? checked.value.explanation : undefined;
    if (explanation?.operation !== undefined) return explanation.operation;
    throw new CodedError("argv_no_match", explanation?.message ?? "the target has no operation for this command line", {
      hint: explanation?.hint ?? "List what there is with `cmd2host targets NAME --operations`.",
    });
  }

  async #ask(caller: Caller, request: Request, message: object, signal: AbortSignal): Promise<Reply> {
    const waitSeconds = "waitMs" in request ? request.waitMs / 1_000 : 0;
    switch (request.kind) {
      case "list":
      case "watch":
        return this.#list(caller, message, signal, waitSeconds);
      case "describe":
        this.#relay.admission.requireOperation(caller, request.operation);
        break;
      case "explain_operation":
        if (request.asked.route.kind === "named")
          this.#relay.admission.requireOperation(caller, request.asked.route.operation);
        break;
      case "ping":
      case "status":
      case "read":
      case "cancel":
      case "runs":
        break;
      default:
        throw new CodedError("request_unknown_type", "Unknown request type: a gateway does not answer this");
    }
    const { agent, via } = this.#relay.agent(caller, targetOf(message));
    return { shape: "passed_on", fields: await agent.ask(forTarget(message), via, signal, waitSeconds) };
  }

  /** The operations of a target that the caller may call. */
  async #list(caller: Caller, message: object, signal: AbortSignal, waitSeconds: number): Promise<Reply> {
    const { agent, via } = this.#relay.agent(caller, targetOf(message));
    const reply = await agent.ask(forTarget(message), via, signal, waitSeconds);
    const checked = check("list_reply", reply);
    if (!checked.ok) throw new CodedError("rpc_failed", `the target's list: ${checked.violation.message}`);
    const { operations } = checked.value;
    if (operations === null || operations === undefined) return { shape: "passed_on", fields: reply };
    const mine = operations.filter(({ id }) => this.#relay.admission.mayCall(caller, id));
    return { shape: "passed_on", fields: { ...checked.value, operations: mine } };
  }
}

/** A denial, or that the way to the target failed before anything was sent. */
function endedBy(error: CodedError): Outcome {
  if (CODES[error.code].kind === "denied") return deniedBy(error);
  const { code, message, hint } = error;
  const nothing = {
    exitCode: 1,
    signal: undefined,
    stdout: NO_OUTPUT,
    stderr: NO_OUTPUT,
    notice: undefined,
    redacted: 0,
  };
  return { kind: "failed", code, message, hint, ...nothing };
}

/** What the target takes a command line for must be what was allowed; its policy may have changed since it was asked. */
function onlyThis(live: Live, { call }: Admitted, signal: AbortSignal): Live {
  return {
    ...live,
    accepted: (accepted) => {
      if (accepted.operation !== call.operation && !signal.aborted)
        throw new CodedError("caller_not_allowed", `the target took it for ${accepted.operation}, which was not asked`);
      live.accepted(accepted);
    },
  };
}
