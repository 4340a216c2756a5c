import type { Readable } from "node:stream";
import type { OutputSink } from "./live.ts";
import type { StreamName } from "./names.ts";
import type {
  Accepted,
  DescribeReply,
  ExplanationReply,
  ListReply,
  Notice,
  OperationReply,
  OutcomeFields,
  OutputReply,
  RunInfo,
  RunReply,
  RunsReply,
} from "./schema.ts";

/** What can be asked of a daemon, whatever carries it: a socket (`wire/client.ts`), or a call in the same process. */

export interface CallOptions {
  /** Aborting ends the call, and with it the command, unless the operation or the request says otherwise. */
  readonly signal?: AbortSignal | undefined;
  /** From the connection to the end of the reply, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface RunRequest {
  readonly operation: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly targetRepo?: string | undefined;
  /** A shorter time limit than the operation's own. */
  readonly timeoutSeconds?: number | undefined;
  readonly place?: MachinePlace | undefined;
}

/** On a machine: where and with what a program runs. */
export interface MachinePlace {
  /** Absolute; the home directory when it is missing. */
  readonly workDir?: string | undefined;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A command line instead of an operation: the daemon finds the one that would produce it. */
export interface ArgvRequest {
  readonly argv: readonly string[];
  readonly targetRepo?: string | undefined;
  /** Where the caller stands; a hint. */
  readonly cwd?: { readonly toplevel: string; readonly originUrl: string; readonly relative?: string } | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly place?: MachinePlace | undefined;
}

export interface StreamOptions {
  readonly output: OutputSink;
  readonly accepted?: ((accepted: Accepted) => void) | undefined;
  readonly notice?: ((notice: Notice) => void) | undefined;
  /** Sent when the operation takes it; not read otherwise. */
  readonly stdin?: Readable | undefined;
  /** With `stdin`: the request is denied when the operation takes none, instead of running without it. */
  readonly stdinRequired?: boolean | undefined;
  /** Standard output as the operation's filters leave it, at the end, beside the stream. */
  readonly filtered?: boolean | undefined;
  /** Asks where the time went: `timings` of the end. */
  readonly profile?: boolean | undefined;
  /** Aborting cancels the command; the outcome still comes, unless the daemon does not give it within some seconds. */
  readonly signal?: AbortSignal | undefined;
}

/** Which part of a run's output. Negative offsets and lines count from the end. `offset` does not go with the other ways. */
export interface PageRequest {
  readonly runId: string;
  readonly stream?: StreamName | undefined;
  readonly offset?: number | undefined;
  readonly line?: number | undefined;
  readonly maxLines?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** RE2; lines that hold it. */
  readonly grep?: string | undefined;
  readonly contextLines?: number | undefined;
  readonly waitSeconds?: number | undefined;
}

/** A background run that began, or the reply that says why it did not. */
export type Started =
  { readonly kind: "started"; readonly run: RunInfo } | { readonly kind: "refused"; readonly reply: OperationReply };

/** Denials are replies; a `CodedError` is thrown when no reply comes. */
export interface DaemonCalls {
  list(prefix: string, options?: CallOptions): Promise<ListReply>;
  describe(operation: string, options?: CallOptions): Promise<DescribeReply>;
  /** Runs to the end and gives everything at once. */
  run(request: RunRequest, options?: CallOptions): Promise<OperationReply>;
  /** Runs, and gives output as it comes. `stdout_bytes` of the end counts what the program wrote. */
  stream(request: RunRequest | ArgvRequest, options: StreamOptions): Promise<OutcomeFields>;
  start(request: RunRequest | ArgvRequest, options?: CallOptions): Promise<Started>;
  /** @param waitSeconds returns earlier when the run ends */
  status(runId: string, waitSeconds: number, options?: CallOptions): Promise<RunReply>;
  read(request: PageRequest, options?: CallOptions): Promise<OutputReply>;
  cancel(runId: string, options?: CallOptions): Promise<RunReply>;
  runs(options?: CallOptions): Promise<RunsReply>;
  /** What would become of a call. Nothing is run. */
  explain(request: RunRequest | ArgvRequest, options?: CallOptions): Promise<ExplanationReply>;
  /** The list, once it is not the one of `revision` any more, or when the time is over. */
  watch(revision: string, waitSeconds: number, options?: CallOptions): Promise<ListReply>;
}
