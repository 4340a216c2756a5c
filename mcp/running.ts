import { Readable } from "node:stream";
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { DaemonCalls, RunRequest } from "../wire/daemon-calls.ts";
import { CodedError } from "../wire/errors.ts";
import type { OutputSink } from "../wire/live.ts";
import type { StreamName } from "../wire/names.ts";
import type { OutcomeFields } from "../wire/schema.ts";
import type { Backend } from "./backend.ts";
import { bytesWorthKeeping } from "./budget.ts";
import { Collector } from "./collected.ts";
import type { CallContext } from "./context.ts";
import { cameOfReply, ended, type Came } from "./ended.ts";
import { LastLine, startProgress, type Progress } from "./progress.ts";
import { deniedResult, endedResult, startedResult } from "./run-result.ts";
import { errorResult } from "./tools/result.ts";
import { troubleOf, withTokenAdvice, type Trouble } from "./trouble.ts";

export type { CallContext } from "./context.ts";

/** One operation that is to run. */
export interface OperationCall {
  readonly operation: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly targetRepo?: string | undefined;
  /** A shorter time limit than the operation's own. */
  readonly timeoutSeconds?: number | undefined;
  /** Sent as UTF-8 to an operation that reads standard input. */
  readonly stdin?: string | undefined;
  /** Start it and return at once. */
  readonly background?: boolean | undefined;
}

/** How a result is shown. */
export interface Presentation {
  /** `json`: when the program succeeds and its output is JSON, the data has it parsed as `data`, and no `stdout`. */
  readonly output: "text" | "json";
}

/** Keeps what may be shown, and tells the client how it gets on. */
class Watched implements OutputSink {
  readonly #streams: Readonly<Record<StreamName, Collector>>;
  readonly #lastLine = new LastLine();
  readonly #progress: Progress;

  constructor(keep: number, progress: Progress) {
    this.#streams = { stdout: new Collector(keep), stderr: new Collector(keep) };
    this.#progress = progress;
  }

  write(stream: StreamName, bytes: Buffer): undefined {
    this.#streams[stream].push(bytes);
    this.#lastLine.push(bytes);
    this.#progress.say(() => this.#lastLine.text());
  }

  came(outcome: Came["outcome"]): Came {
    const { stdout, stderr } = this.#streams;
    return {
      outcome,
      stdout: stdout.end(outcome.stdout_truncated === true),
      stderr: stderr.end(outcome.stderr_truncated === true),
    };
  }
}

function requestOf({ operation, params, flags, targetRepo, timeoutSeconds }: OperationCall): RunRequest {
  return { operation, params, flags, targetRepo, timeoutSeconds };
}

function tooLong(runTimeoutMs: number): CodedError {
  return new CodedError("reply_timeout", `failed to read response: no complete reply within ${runTimeoutMs / 1_000} s`);
}

/** The end of a run. One that took longer than this server waits says so, with what came until then. */
async function streamed(
  client: DaemonCalls,
  backend: Backend,
  call: OperationCall,
  context: CallContext,
  watched: Watched,
  progress: Progress,
): Promise<OutcomeFields> {
  const { runTimeoutMs } = backend;
  const limit = new Patience(runTimeoutMs);
  const late = (): CodedError | undefined =>
    limit.signal.aborted && !context.signal.aborted ? tooLong(runTimeoutMs) : undefined;
  try {
    const outcome = await client.stream(requestOf(call), {
      output: watched,
      filtered: true,
      signal: AbortSignal.any([context.signal, limit.signal]),
      stdin: call.stdin === undefined ? undefined : Readable.from([Buffer.from(call.stdin, "utf8")]),
      stdinRequired: true,
      accepted: ({ run_id: runId }) => {
        limit.goOn();
        progress.say(() => `running as ${runId}`);
      },
      notice: ({ text, code }) => {
        if (code === "approval_pending") limit.hold();
        progress.say(() => text);
      },
    });
    const error = outcome.code === "cancelled" ? late() : undefined;
    return error === undefined ? outcome : { ...outcome, code: error.code, message: error.message, hint: error.hint };
  } catch (error) {
    throw (error instanceof CodedError && error.code === "cancelled" ? late() : undefined) ?? error;
  } finally {
    limit.end();
  }
}

/** How long a result is waited for. A person's time to think does not count: it has a limit of its own, on the host. */
class Patience {
  readonly #stop = new AbortController();
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
    this.goOn();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  hold(): void {
    this.end();
    this.#timer = undefined;
  }

  /** From the beginning, when it was held. */
  goOn(): void {
    this.#timer ??= setTimeout(() => {
      this.#stop.abort();
    }, this.#ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function inForeground(
  client: DaemonCalls,
  backend: Backend,
  call: OperationCall,
  context: CallContext,
  present: Presentation,
): Promise<CallToolResult> {
  const progress = startProgress(context.progress);
  try {
    const watched = new Watched(bytesWorthKeeping(backend.maxTokens), progress);
    const outcome = await streamed(client, backend, call, context, watched, progress);
    if (outcome.outcome === "denied") return denied(backend, { ...outcome, reason: outcome.message ?? "" });
    const came = watched.came({ ...outcome, outcome: outcome.outcome });
    return endedResult(ended(came, backend.maxTokens, present.output === "json"), context.links);
  } finally {
    progress.stop();
  }
}

function denied(backend: Backend, { reason, code, hint }: Trouble): CallToolResult {
  return deniedResult(withTokenAdvice({ reason, code, hint }, backend.tokenAdvice), backend.maxTokens);
}

async function inBackground(
  client: DaemonCalls,
  backend: Backend,
  call: OperationCall,
  context: CallContext,
): Promise<CallToolResult> {
  if (call.stdin !== undefined) {
    throw new CodedError("usage", "a run in the background takes no standard input", {
      hint: "Leave out background, or stdin.",
    });
  }
  // A daemon that knows no background runs answers when the program has ended.
  const began = await client.start(requestOf(call), { signal: context.signal, timeoutMs: backend.runTimeoutMs });
  if (began.kind === "started") return startedResult(began.run.run_id);
  const { denied_reason: reason, code, hint } = began.reply;
  if (typeof reason === "string") return denied(backend, { reason, code, hint });
  return endedResult(ended(cameOfReply(began.reply), backend.maxTokens, false), context.links);
}

/**
 * Runs an operation and gives its result. An aborted call ends the program, unless it runs in the background. Never throws but for bugs.
 */
export async function runOperation(
  backend: Backend,
  call: OperationCall,
  context: CallContext,
  present: Presentation,
): Promise<CallToolResult> {
  try {
    const client = await backend.client();
    if (call.background === true) return await inBackground(client, backend, call, context);
    return await inForeground(client, backend, call, context, present);
  } catch (error) {
    const trouble = withTokenAdvice(troubleOf(error), backend.tokenAdvice);
    return errorResult("running operation", trouble, { outcome: "failed" });
  }
}
