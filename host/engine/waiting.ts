/** Small ways to wait, and to be told. */

/** Resolves after a time, or when the signal aborts. */
export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over, { once: true });
  });
}

/** The first call counts. */
export function once<T>(work: (given: T) => void): (given: T) => void {
  let isDone = false;
  return (given) => {
    if (isDone) return;
    isDone = true;
    work(given);
  };
}

/** Calls back when the signal aborts, or at once when it has. */
export function onAbort(signal: AbortSignal, callback: (reason: unknown) => void): void {
  const tell = (): void => {
    callback(signal.reason);
  };
  if (signal.aborted) tell();
  else signal.addEventListener("abort", tell, { once: true });
}
