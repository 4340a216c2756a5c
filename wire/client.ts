import { connected, type Address, type Way } from "./client-connect.ts";
import { Dialect } from "./client-dialect.ts";
import { exchange } from "./client-exchange.ts";
import { deliver } from "./client-outcome.ts";
import { parsedReply, typed, typedReply, type AskedReply } from "./client-reply.ts";
import { commandFields, explainedFields, pageFields, runFields } from "./client-request.ts";
import { StreamedCall } from "./client-stream.ts";
import type {
  ArgvRequest,
  CallOptions,
  DaemonCalls,
  PageRequest,
  RunRequest,
  Started,
  StreamOptions,
} from "./daemon-calls.ts";
import { CodedError } from "./errors.ts";
import { CLIENT_REPLY_TIMEOUT_MS } from "./limits.ts";
import type {
  DescribeReply,
  ExplanationReply,
  ListReply,
  OperationReply,
  OutcomeFields,
  OutputReply,
  PageReply,
  PongReply,
  RunReply,
  RunsReply,
} from "./schema.ts";

export { addressText, type Address } from "./client-connect.ts";
export { Dialect } from "./client-dialect.ts";
export { streamBytes } from "./client-outcome.ts";

/** How much longer than the wait that was asked for a reply may take. */
const WAIT_MARGIN_MS = 30_000;

function timeoutOf(options: CallOptions | undefined, waitSeconds?: number): number {
  const usual = waitSeconds === undefined ? CLIENT_REPLY_TIMEOUT_MS : waitSeconds * 1_000 + WAIT_MARGIN_MS;
  return options?.timeoutMs ?? usual;
}

/**
 * Talks with a daemon, ours or the original: one connection per call. Every method throws `CodedError` (`daemon_unreachable`,
 * `reply_timeout`, `reply_invalid`, `cancelled`, and `daemon_too_old` for what older daemons cannot) when no reply comes; denials are replies.
 */
export class DaemonClient implements DaemonCalls {
  readonly #address: Address | Way;
  readonly #token: string;
  readonly #dialect: Dialect;
  readonly #members: object;

  /**
   * @param dialect what is known of daemons; clients of the same process may share one
   * @param members put into every request
   */
  constructor(address: Address | Way, token: string, dialect = new Dialect(), members: object = {}) {
    this.#address = address;
    this.#token = token;
    this.#dialect = dialect;
    this.#members = members;
  }

  async list(prefix: string, options?: CallOptions): Promise<ListReply> {
    return this.#ask("list_reply", { list_operations: true, ...(prefix === "" ? {} : { prefix }) }, options);
  }

  async describe(operation: string, options?: CallOptions): Promise<DescribeReply> {
    return this.#ask("describe_reply", { describe_operation: operation }, options);
  }

  async run(request: RunRequest, options?: CallOptions): Promise<OperationReply> {
    const bytes = await this.#call(runFields(request), timeoutOf(options), options?.signal);
    return typed("operation_reply", parsedReply(bytes));
  }

  /**
   * Streams, if the daemon can. With one that cannot, everything comes at the end, `accepted` and `notice` are not called, and standard
   * input is not sent. Bounded by the daemon's time limit only.
   * @throws CodedError also `file_failed`, when standard input cannot be read, and `daemon_too_old`, when it is required and cannot be sent
   */
  async stream(request: RunRequest | ArgvRequest, options: StreamOptions): Promise<OutcomeFields> {
    const fields = commandFields(request);
    if (this.#dialect.streams(this.#address)) {
      const { stdin, stdinRequired, filtered, profile, signal } = options;
      const socket = await connected(this.#address, signal);
      const input = stdin === undefined ? {} : { stdin: true, stdin_required: stdinRequired };
      const more = { filtered, timings: profile, ...input };
      const cancelElsewhere = (runId: string): void => {
        // The connection of the run itself is closed soon, which ends it as well.
        this.cancel(runId).catch(() => undefined);
      };
      const end = await new StreamedCall(socket, options, cancelElsewhere).run(this.#message({ ...fields, ...more }));
      if (end.kind === "ended") return end.outcome;
      // A daemon reads JSON or frames, and decides by the first byte. One that answered the preface with anything else took it for bad
      // JSON, so it has run nothing, and the same call can be made again.
      this.#dialect.remember(this.#address, false);
    }
    if (options.stdin !== undefined && options.stdinRequired === true)
      throw new CodedError("daemon_too_old", "the daemon is too old to pass standard input on; nothing was run");
    return this.#atOnce(fields, options);
  }

  /**
   * A denial, and the reply of a daemon that is too old to know background runs, are "refused". Such a daemon runs the operation to its end
   * before it answers: then the reply's outcome is not "denied".
   */
  async start(request: RunRequest | ArgvRequest, options?: CallOptions): Promise<Started> {
    const fields = { ...commandFields(request), background: true };
    const message = parsedReply(await this.#call(fields, timeoutOf(options), options?.signal));
    if (typeof message !== "object" || message === null || !("run" in message))
      return { kind: "refused", reply: typed("operation_reply", message) };
    const { run } = typed("run_reply", message);
    if (run === undefined || run === null)
      throw new CodedError("reply_invalid", "failed to parse response: /run: is empty");
    return { kind: "started", run };
  }

  async status(runId: string, waitSeconds: number, options?: CallOptions): Promise<RunReply> {
    return this.#ask("run_reply", { run_status: runId, wait_seconds: waitSeconds }, options, waitSeconds);
  }

  async read(request: PageRequest, options?: CallOptions): Promise<OutputReply> {
    return this.#ask("output_reply", pageFields(request), options, request.waitSeconds);
  }

  async cancel(runId: string, options?: CallOptions): Promise<RunReply> {
    return this.#ask("run_reply", { cancel_run: runId }, options);
  }

  async runs(options?: CallOptions): Promise<RunsReply> {
    return this.#ask("runs_reply", { list_runs: true }, options);
  }

  async explain(request: RunRequest | ArgvRequest, options?: CallOptions): Promise<ExplanationReply> {
    return this.#ask("explanation_reply", { explain_operation: explainedFields(request) }, options);
  }

  /** Serves the page, or ends it; for the owner of the host. */
  async page(wanted: { readonly socket?: string; readonly stop?: boolean }): Promise<PageReply> {
    return this.#ask("page_reply", { page: wanted });
  }

  /** Whether the host is there, and what it is. */
  async ping(options?: CallOptions): Promise<PongReply> {
    return this.#ask("pong_reply", { ping: true }, options);
  }

  async watch(revision: string, waitSeconds: number, options?: CallOptions): Promise<ListReply> {
    return this.#ask("list_reply", { watch_operations: revision, wait_seconds: waitSeconds }, options, waitSeconds);
  }

  /** "protocol" comes first so that a daemon of ours takes up to 1 MiB; the original ignores it. */
  #message(fields: object): object {
    return { protocol: 2, ...fields, ...this.#members, token: this.#token };
  }

  /** Everything but operations. @param waitSeconds how long the daemon was told to wait */
  async #ask<N extends AskedReply>(name: N, fields: object, options?: CallOptions, waitSeconds?: number) {
    return typedReply(name, await this.#call(fields, timeoutOf(options, waitSeconds), options?.signal));
  }

  async #call(fields: object, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<Buffer> {
    return exchange(this.#address, this.#message(fields), timeoutMs, signal);
  }

  async #atOnce(fields: object, { output, signal }: StreamOptions): Promise<OutcomeFields> {
    // A stream is what the program wrote, so a daemon that filters must not.
    const bytes = await this.#call({ ...fields, filtered: false }, undefined, signal);
    const reply = typed("operation_reply", parsedReply(bytes));
    // Only daemons that stream keep runs: this one was updated since.
    if (reply.run_id !== undefined) this.#dialect.remember(this.#address, true);
    return deliver(reply, output);
  }
}
