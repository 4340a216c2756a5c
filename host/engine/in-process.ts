import { commandFields, explainedFields, pageFields, runFields } from "../../wire/client-request.ts";
import type {
  ArgvRequest,
  CallOptions,
  DaemonCalls,
  PageRequest,
  RunRequest,
  Started,
  StreamOptions,
} from "../../wire/daemon-calls.ts";
import type { OperationEnd, Reply } from "../../wire/outcome.ts";
import { outcomeFields, replyFields } from "../../wire/reply.ts";
import type {
  DescribeReply,
  ExplanationReply,
  ListReply,
  OperationReply,
  OutcomeFields,
  OutputReply,
  RunReply,
  RunsReply,
} from "../../wire/schema.ts";
import type { Engine } from "./handle.ts";
import type { Peer } from "./rooms.ts";

const PEER: Peer = { transport: "internal", id: "internal" };

/** For who does not want to be told. */
function ignore(): void {
  return undefined;
}

/** A signal whose reason is one that the engine knows. */
function asCancelled(signal: AbortSignal | undefined): AbortSignal {
  const own = new AbortController();
  const tell = (): void => {
    own.abort("cancelled");
  };
  if (signal?.aborted === true) tell();
  else signal?.addEventListener("abort", tell, { once: true });
  return own.signal;
}

/** A client without a transport: for what lives in the daemon's own process. It goes the same way as every other, from the message on. */
export class InProcessClient implements DaemonCalls {
  readonly #engine: Engine;
  readonly #token: string;

  constructor(engine: Engine, token: string) {
    this.#engine = engine;
    this.#token = token;
  }

  async list(prefix: string, options?: CallOptions): Promise<ListReply> {
    return (await this.#call({ list_operations: true, prefix }, options)) as ListReply;
  }

  async describe(operation: string, options?: CallOptions): Promise<DescribeReply> {
    return (await this.#call({ describe_operation: operation }, options)) as DescribeReply;
  }

  async run(request: RunRequest, options?: CallOptions): Promise<OperationReply> {
    return (await this.#call(runFields(request), options)) as OperationReply;
  }

  async stream(request: RunRequest | ArgvRequest, options: StreamOptions): Promise<OutcomeFields> {
    const { output, accepted, notice, stdin, stdinRequired, filtered = false, signal } = options;
    const fields = { ...commandFields(request), filtered, stdin: stdin !== undefined, stdin_required: stdinRequired };
    const live = {
      output,
      stdin,
      accepted: accepted ?? ignore,
      notice: notice ?? ignore,
    };
    // What asks for an operation is answered as one.
    return outcomeFields(
      (await this.#engine.handle(this.#message(fields), PEER, asCancelled(signal), live)) as OperationEnd,
    );
  }

  async start(request: RunRequest | ArgvRequest, options?: CallOptions): Promise<Started> {
    const reply = await this.#ask({ ...commandFields(request), background: true }, options);
    if (reply.shape === "run" && "run" in reply) return { kind: "started", run: reply.run };
    return { kind: "refused", reply: replyFields(reply) as OperationReply };
  }

  async status(runId: string, waitSeconds: number, options?: CallOptions): Promise<RunReply> {
    return (await this.#call({ run_status: runId, wait_seconds: waitSeconds }, options)) as RunReply;
  }

  async read(request: PageRequest, options?: CallOptions): Promise<OutputReply> {
    return (await this.#call(pageFields(request), options)) as OutputReply;
  }

  async cancel(runId: string, options?: CallOptions): Promise<RunReply> {
    return (await this.#call({ cancel_run: runId }, options)) as RunReply;
  }

  async runs(options?: CallOptions): Promise<RunsReply> {
    return (await this.#call({ list_runs: true }, options)) as RunsReply;
  }

  async explain(request: RunRequest | ArgvRequest, options?: CallOptions): Promise<ExplanationReply> {
    return (await this.#call({ explain_operation: explainedFields(request) }, options)) as ExplanationReply;
  }

  async watch(revision: string, waitSeconds: number, options?: CallOptions): Promise<ListReply> {
    return (await this.#call({ watch_operations: revision, wait_seconds: waitSeconds }, options)) as ListReply;
  }

  /** As it would come from a socket: members that are undefined have no JSON. */
  #message(fields: object): unknown {
    return JSON.parse(JSON.stringify({ protocol: 2, ...fields, token: this.#token }));
  }

  async #ask(fields: object, options: CallOptions = {}): Promise<Reply> {
    return this.#engine.handle(this.#message(fields), PEER, asCancelled(options.signal));
  }

  async #call(fields: object, options?: CallOptions): Promise<unknown> {
    return replyFields(await this.#ask(fields, options));
  }
}
