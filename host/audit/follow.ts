import { setTimeout as sleep } from "node:timers/promises";
import { linesFrom } from "./log-lines.ts";
import { listLog, sizeOf, type LogName } from "./log-names.ts";

const LOOK_EVERY_MS = 200;

/** A line that was appended. */
export interface Appended {
  readonly bytes: Buffer;
}

/**
 * The lines that are appended to the log from now on, also to files that are begun meanwhile. Ends when the signal aborts. Throws system errors.
 */
export async function* appendedLines(directory: string, signal: AbortSignal): AsyncGenerator<Appended, void> {
  let current: LogName | undefined = listLog(directory).at(-1);
  let offset = current === undefined ? 0 : (sizeOf(current) ?? 0);
  while (!signal.aborted) {
    const later = listLog(directory).filter(({ first }) => current === undefined || first > current.first);
    if (current !== undefined && (sizeOf(current) ?? 0) > offset) {
      for (const { bytes, isWhole, offset: at } of linesFrom(current.path, offset)) {
        if (!isWhole) break; // it is being written
        offset = at + bytes.length + 1;
        yield { bytes: Buffer.from(bytes) };
      }
    }
    const [next] = later;
    // Nothing is written to a file once there is a newer one, and that was looked for before this one was read.
    if (next !== undefined) {
      current = next;
      offset = 0;
      continue;
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
