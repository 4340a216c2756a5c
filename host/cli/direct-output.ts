import type { Writable } from "node:stream";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import { PacedStream } from "../../terminal/paced-stream.ts";
import type { Report } from "./command.ts";

/** Standard output or error takes nothing more. */
class Unwritable extends Error {}

/** Our own output streams, which may be the same one. */
export interface Targets {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Ours, when nobody reads standard output any more: what a shell makes of SIGPIPE. */
const EXIT_READER_GONE = 141;

/** Where a command writes whose output cannot wait until it is done, byte by byte. Everything else that commands say is in their reports. */
export class DirectOutput {
  readonly #open: () => Targets;
  readonly #stop = new AbortController();
  #streams: Readonly<Record<StreamName, PacedStream>> | undefined;

  /** @param open called when something is written for the first time */
  constructor(open: () => Targets) {
    this.#open = open;
  }

  /** Aborts when one of the two takes nothing more. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Takes bytes as they are. Resolves when there is room for more. */
  async write(stream: StreamName, bytes: Buffer): Promise<void> {
    this.#streams ??= this.#paced(this.#open());
    await this.#streams[stream].write(bytes);
    this.#stop.signal.throwIfAborted();
  }

  /**
   * Does work that writes here, and makes its exit code a report when everything is written.
   * @throws CodedError `file_failed`, when it cannot be written
   */
  async report(work: () => Promise<number>): Promise<Report> {
    try {
      const exit = await work();
      await Promise.all([this.#streams?.stdout.flushed(), this.#streams?.stderr.flushed()]);
      this.#stop.signal.throwIfAborted();
      return { exit, human: "", json: undefined };
    } catch (error) {
      const { reason } = this.#stop.signal as { reason: unknown };
      if (!(reason instanceof Unwritable)) throw error;
      if (errnoOf(reason.cause) === "EPIPE") return { exit: EXIT_READER_GONE, human: "", json: undefined };
      throw new CodedError("file_failed", `the output cannot be written: ${reason.message}`, { cause: reason });
    }
  }

  #paced({ stdout, stderr }: Targets): Readonly<Record<StreamName, PacedStream>> {
    const paced = (stream: Writable): PacedStream =>
      new PacedStream(stream, (error) => {
        this.#stop.abort(new Unwritable(messageOf(error), { cause: error }));
      });
    const out = paced(stdout);
    return { stdout: out, stderr: stderr === stdout ? out : paced(stderr) };
  }
}
