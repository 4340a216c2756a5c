import type { PendingCall } from "../rpc/capability.ts";
import { cancelled, unreachable } from "./failure.ts";

/** How long a call may take. */
export interface CallBounds {
  /** The call is cancelled when it is aborted. */
  readonly signal: AbortSignal;
  /** Undefined: as long as the agent likes. */
  readonly timeoutMs?: number;
  /** Called when the call was cancelled. */
  readonly onCancelled?: () => void;
}

/**
 * What a call returns, unless it takes too long or is not wanted any more; then the agent is told.
 * @throws CodedError `cancelled`, `target_unreachable`, and what the call is rejected with
 */
export async function bounded<T>(call: PendingCall<T>, bounds: CallBounds): Promise<T> {
  const { signal, timeoutMs, onCancelled } = bounds;
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    const giveUp = (error: Error): void => {
      // First: a call that is cancelled is rejected as well.
      reject(error);
      call.cancel();
      onCancelled?.();
    };
    stop = () => {
      giveUp(cancelled());
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    if (timeoutMs !== undefined)
      timer = setTimeout(() => {
        giveUp(unreachable(`the agent did not answer within ${timeoutMs} ms`));
      }, timeoutMs);
  });
  try {
    return await Promise.race([stopped, call.results]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
