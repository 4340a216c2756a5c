import type { Readable } from "node:stream";
import { CodedError } from "../../wire/errors.ts";

/** How long a client may take to send standard input that a person is to allow. */
const DEADLINE_MS = 60_000;

/**
 * Standard input from its first byte to its last, before anything runs: a person who allows a call allows what it reads as well.
 * @param max bytes
 * @param signal ends the wait
 * @throws CodedError `approval_input_refused`, `cancelled`, `shutting_down`
 */
export async function wholeInput(source: Readable, max: number, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  let taken = 0;
  const refused = (why: string): CodedError => new CodedError("approval_input_refused", why);
  return new Promise<Buffer>((resolve, reject) => {
    const over = (error?: CodedError): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      source.off("data", take).off("end", ended).off("close", ended);
      source.resume();
      if (error === undefined) resolve(Buffer.concat(parts));
      else reject(error);
    };
    const timer = setTimeout(() => {
      over(refused(`standard input was not complete within ${DEADLINE_MS / 1_000} s`));
    }, DEADLINE_MS);
    const aborted = (): void => {
      over(new CodedError(signal.reason === "shutting_down" ? "shutting_down" : "cancelled", "nothing ran"));
    };
    const take = (chunk: Buffer): void => {
      taken += chunk.length;
      if (taken > max) over(refused(`standard input is larger than ${max} bytes`));
      else parts.push(chunk);
    };
    const ended = (): void => {
      if (source.readableEnded) over();
      else over(refused("standard input ended before it was complete"));
    };
    if (signal.aborted) aborted();
    else {
      signal.addEventListener("abort", aborted, { once: true });
      source.on("data", take).once("end", ended).once("close", ended);
      source.once("error", () => undefined);
    }
  });
}
