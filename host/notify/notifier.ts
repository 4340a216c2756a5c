import type { Answer, Ending, Pending } from "../approval/approvals.ts";

/** A way to tell a person that a call waits. Some can answer as well. Neither method throws. */
export interface Notifier {
  /** As operations name it in `via`: `desktop`, or a webhook's name. */
  readonly name: string;
  /**
   * @param answer gives a person's word; throws `CodedError` when it comes too late
   * @param signal aborts when the call does not wait any more
   */
  asked(pending: Pending, answer: (answer: Answer) => void, signal: AbortSignal): Promise<void>;
  settled(pending: Pending, how: Ending): Promise<void>;
}
