import { randomUUID } from "node:crypto";
import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import {
  NO_OUTPUT,
  saying,
  type Captured,
  type Completed,
  type Failed,
  type Outcome,
  type Reply,
} from "../../wire/outcome.ts";
import { parseRequest, replyShapeOf } from "../../wire/parse.ts";
import { deniedBy, refusal } from "../../wire/reply.ts";
import type { DescribeRequest, ListRequest, OperationRequest, Request } from "../../wire/request.ts";
import type { RunResult } from "../exec/run.ts";
import { describeOperation, listOperations } from "../operation/info.ts";
import { decide, type Trail } from "./pipeline.ts";
import type { Plan } from "./plan.ts";
import type { Peer, Rooms } from "./rooms.ts";

/** Exit codes of what could not be started or was refused at launch; everything else is 1. */
const EXIT_CODES = new Map<Code, number>([
  ["command_not_found", 127],
  ["command_untrusted", 127],
  ["timed_out", 124],
]);

/** A stream with a line of ours behind it, on a line of its own; not counted as the program's output. */
function withLine(captured: Captured, line: string): Captured {
  const needsBreak = captured.bytes.length > 0 && captured.bytes.at(-1) !== 0x0a;
  return { ...captured, bytes: Buffer.concat([captured.bytes, Buffer.from(`${needsBreak ? "\n" : ""}${line}`)]) };
}

function failedBy(error: CodedError): Failed {
  const { code, message, hint } = error;
  return {
    kind: "failed",
    code,
    message,
    hint,
    exitCode: EXIT_CODES.get(code) ?? 1,
    signal: undefined,
    stdout: NO_OUTPUT,
    stderr: saying(message),
    notice: undefined,
  };
}

function outcomeOf(error: CodedError): Outcome {
  return CODES[error.code].kind === "failed" ? failedBy(error) : deniedBy(error);
}

const DETACHED = "Processes that left the command's process group cannot be found on this system and may still run.";

const ENDED: Readonly<
  Record<Exclude<RunResult["reason"], "exited">, { readonly code: Code; readonly message: string }>
> = {
  timed_out: { code: "timed_out", message: "Command timed out" },
  cancelled: { code: "cancelled", message: "Command cancelled" },
  shutting_down: { code: "shutting_down", message: "Command ended because the daemon is stopping" },
};

function outcomeOfRun(result: RunResult): Completed | Failed {
  const { exitCode, signal, stdout, stderr } = result;
  const notice = result.maybeDetached ? DETACHED : undefined;
  if (result.reason === "exited") return { kind: "completed", exitCode, signal, stdout, stderr, notice };
  const { code, message } = ENDED[result.reason];
  return {
    kind: "failed",
    code,
    message,
    hint: CODES[code].hint,
    exitCode,
    signal,
    stdout,
    stderr: withLine(stderr, message),
    notice,
  };
}

/** An operation that must finish is not ended because its client went away; a stopping daemon still ends it. */
function signalFor(plan: Plan, signal: AbortSignal): AbortSignal {
  if (plan.operation.onDisconnect === "cancel") return signal;
  const own = new AbortController();
  const forward = (): void => {
    if (signal.reason === "shutting_down") own.abort(signal.reason);
  };
  if (signal.aborted) forward();
  else signal.addEventListener("abort", forward, { once: true });
  return own.signal;
}

/**
 * The one function that everything which can speak to us calls: a message in, one reply out. Every denial and failure is caught here, recorded once,
 * and answered once.
 */
export class Engine {
  readonly #rooms: Rooms;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /**
   * @param message parsed JSON
   * @param signal aborts the operation; its reason is `cancelled` or `shutting_down`
   */
  async handle(message: unknown, peer: Peer, signal: AbortSignal): Promise<Reply> {
    const id = randomUUID();
    const trail: Trail = {};
    let request: Request | undefined;
    try {
      request = parseRequest(message);
      switch (request.kind) {
        case "list":
        case "describe":
          return this.#tell(request, peer, id, trail);
        case "operation":
          return await this.#operate(request, peer, id, trail, signal);
      }
    } catch (error) {
      const coded = error instanceof CodedError ? error : this.#bug(error, id);
      this.#record(id, peer, request, trail, coded);
      if (request?.kind !== "operation") return refusal(replyShapeOf(message), coded);
      return {
        shape: "operation",
        requestId: request.requestId,
        protocol: request.protocol,
        outcome: outcomeOf(coded),
      };
    }
  }

  #bug(error: unknown, id: string): CodedError {
    this.#rooms.reportBug(error, id);
    return new CodedError("internal", `cmd2host: internal error (${id})`);
  }

  #record(id: string, peer: Peer, request: Request | undefined, trail: Trail, error?: CodedError): void {
    const asked = request?.kind === "operation" ? request : undefined;
    const routes = { named: "mcp", raw: "raw_argv" } as const;
    this.#rooms.audit.decided({
      id,
      origin: { peer: peer.id, session: trail.session?.id, requestId: asked?.requestId },
      project: trail.project?.id,
      configHash: trail.project?.configHash,
      operation: trail.operation,
      route: asked === undefined ? (request?.kind as "list" | "describe" | undefined) : routes[asked.route.kind],
      target: trail.target?.repo.name,
      targetSource: trail.target?.source,
      verdict: error === undefined ? "permit" : "deny",
      code: error?.code,
      message: error?.message,
    });
  }

  #tell(request: ListRequest | DescribeRequest, peer: Peer, id: string, trail: Trail): Reply {
    const session = (trail.session = this.#rooms.authenticate(request.token));
    const project = (trail.project = this.#rooms.resolveProject(session));
    const reply: Reply =
      request.kind === "list"
        ? { shape: "list", operations: listOperations(project, request.prefix) }
        : { shape: "describe", operation: describeOperation(project, request.operation) };
    this.#record(id, peer, request, trail);
    return reply;
  }

  async #operate(request: OperationRequest, peer: Peer, id: string, trail: Trail, signal: AbortSignal): Promise<Reply> {
    const plan = await decide(this.#rooms, request, trail);
    try {
      this.#record(id, peer, request, trail);
    } catch (error) {
      plan.files.discard();
      throw error;
    }
    const started = performance.now();
    const outcome = await this.#execute(plan, signal, id);
    this.#rooms.audit.ended({
      id,
      outcome: outcome.kind,
      code: outcome.kind === "failed" ? outcome.code : undefined,
      exitCode: outcome.exitCode,
      durationMs: performance.now() - started,
      stdoutBytes: outcome.stdout.total,
      stderrBytes: outcome.stderr.total,
    });
    return { shape: "operation", requestId: request.requestId, protocol: request.protocol, outcome };
  }

  async #execute(plan: Plan, signal: AbortSignal, id: string): Promise<Completed | Failed> {
    try {
      const outcome = outcomeOfRun(await this.#rooms.execute(plan.work, signalFor(plan, signal)));
      return this.#finishOutput(plan, outcome);
    } catch (error) {
      return failedBy(error instanceof CodedError ? error : this.#bug(error, id));
    } finally {
      plan.files.discard();
    }
  }

  /** A program that succeeded gets its output file moved into place; of any other nothing appears. */
  #finishOutput(plan: Plan, outcome: Completed | Failed): Completed | Failed {
    const { output } = plan.files;
    if (output === undefined || outcome.kind === "failed" || outcome.exitCode !== 0) return outcome;
    try {
      output.finalize();
      return outcome;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const line = `cmd2host: post-run finalize failed: ${error.message}\n`;
      return { ...failedBy(error), stdout: outcome.stdout, stderr: withLine(outcome.stderr, line) };
    }
  }
}
