import type { OutputSink } from "../../wire/live.ts";
import type { Attempts } from "./attempts.ts";
import type { ExecRequest, ExecResult, Pong } from "./schema.ts";

/**
 * What runs the commands of commando's gateways. Errors that it throws are `CodedError`s, whose text goes to the gateway; of anything else the
 * gateway hears that there was an internal error. When the signal is aborted, the caller is gone or does not want the command any more.
 */
export interface AgentHost {
  /** The key that gateways must have. With an empty one nobody is let in. */
  readonly psk: Buffer;
  /** Shared by all connections. */
  readonly attempts: Attempts;
  ping(): Pong;
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  /** @param output tells to wait while the gateway does not take more */
  execStream(request: ExecRequest, output: OutputSink, signal: AbortSignal): Promise<ExecResult>;
}
