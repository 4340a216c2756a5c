import type { DaemonCalls } from "../wire/daemon-calls.ts";

/** What the tools need of the outside. */
export interface Backend {
  /** A client that carries the newest token. Asked for once per call. */
  client(): Promise<DaemonCalls>;
  /** For one run, from connect to the end of the reply, in milliseconds. */
  readonly runTimeoutMs: number;
  /** One sentence for somebody whose token was refused: how this server gets a new one. */
  readonly tokenAdvice: string;
  /** Greatest length of a result's text, and of its data, in estimated tokens. */
  readonly maxTokens: number;
}
