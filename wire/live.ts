import type { Readable } from "node:stream";
import type { StreamName } from "./names.ts";
import type { Accepted, Notice } from "./schema.ts";

/** What passes between a run and whoever watches it, whatever carries it. */

/** Where output goes as it comes. */
export interface OutputSink {
  /**
   * Takes bytes, which the caller leaves alone from then on. A promise means: wait for it before more of this stream is sent. It never
   * rejects; a sink that has gone takes everything at once.
   */
  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined;
}

/** A client that is there while its operation runs: what it is told, and what it sends. */
export interface Live {
  /**
   * Once, before the operation is started. When a person is to allow what it reads as well, this comes before their answer: standard input is wanted
   * first.
   */
  readonly accepted: (accepted: Accepted) => void;
  readonly notice: (notice: Notice) => void;
  readonly output: OutputSink;
  /** What the client sends as standard input; undefined when it sends none. Read only when the operation takes it. */
  readonly stdin: Readable | undefined;
}
