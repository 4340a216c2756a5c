import type { Live } from "../../wire/live.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import type { Pong } from "../target.ts";

/** For whom a target is asked. */
export interface Via {
  readonly caller: string;
  readonly target: string;
  /** Of the gateway's decision; the agent records it under the same. */
  readonly id: string;
}

/** A target that can be asked, whatever it speaks. What it answers is not to be trusted: its machine may be in other hands. */
export interface Agent {
  /** @throws CodedError `target_unreachable` and others of the failed kind, `cancelled` */
  ping(via: Via, signal: AbortSignal): Promise<Pong>;
  /**
   * Runs an operation, and hands its output on while it comes.
   * @param message the request as its caller sent it, without what only the gateway needs
   * @throws CodedError when no answer comes
   */
  run(message: object, via: Via, live: Live, signal: AbortSignal): Promise<OutcomeFields>;
  /**
   * Anything that is answered at once. The members of the answer.
   * @param waitSeconds how long the target was told to wait
   * @throws CodedError when no answer comes
   */
  ask(message: object, via: Via, signal: AbortSignal, waitSeconds: number): Promise<object>;
}
