import type { Writable } from "node:stream";
import { PacedStream } from "./paced-stream.ts";
import { Stop, type Signals } from "./stop.ts";

/** How long what is written may take to leave this process when somebody ended the command. */
const LEAVE_MS = 500;

/** What a program is started with that stands for another one. */
export interface ForegroundStreams {
  readonly stdout: Writable;
  /** May be the same as `stdout`. */
  readonly stderr: Writable;
  readonly signals: Signals;
}

/** The output and the signals of a program that stands for another one: it waits for slow readers, until somebody ends it. */
export class Foreground {
  readonly stop: Stop;
  readonly stdout: PacedStream;
  readonly stderr: PacedStream;

  /** @param failed called once, when standard output takes nothing more */
  constructor({ stdout, stderr, signals }: ForegroundStreams, failed: (error: Error) => void) {
    this.stop = new Stop(signals);
    this.stdout = new PacedStream(stdout, failed);
    this.stderr = stderr === stdout ? this.stdout : new PacedStream(stderr, () => undefined);
    this.stop.signal.addEventListener("abort", () => {
      this.stdout.hasten();
      this.stderr.hasten();
    });
  }

  /** Does the work, and waits until what it wrote has left. Returns the exit code: the work's, or that of what ended it. */
  async run(work: () => Promise<number>): Promise<number> {
    return Promise.race([this.#toTheEnd(work), this.stop.atOnce]);
  }

  async #toTheEnd(work: () => Promise<number>): Promise<number> {
    const exit = await work();
    await Promise.race([Promise.all([this.stdout.flushed(), this.stderr.flushed()]), this.#tooLate()]);
    return this.stop.exit ?? exit;
  }

  /** Nobody who ends a command wants to wait until a slow reader has read everything. */
  async #tooLate(): Promise<void> {
    await new Promise<void>((resolve) => {
      const begin = (): void => {
        setTimeout(resolve, LEAVE_MS);
      };
      if (this.stop.signal.aborted) begin();
      else this.stop.signal.addEventListener("abort", begin);
    });
  }
}
