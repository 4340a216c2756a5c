import { finished, type Duplex, type Readable } from "node:stream";
import { CodedError, errnoOf } from "./errors.ts";
import { emptyFrame, FRAME, frameHeader } from "./frames.ts";
import { MAX_DATA_FRAME_BYTES } from "./limits.ts";

/** Bytes that may wait for the daemon before standard input is not read any more. */
const MAX_WAITING_BYTES = 1_048_576;

/** Sends standard input as frames, as fast as the daemon takes it, until it ends or is stopped. */
export class StdinPump {
  readonly #stdin: Readable;
  readonly #socket: Duplex;
  readonly #release: () => void;
  #held = false;
  #stopped = false;

  /** @param failed called at most once, when reading fails or breaks off; the end is not sent then, since it would pass for the whole */
  constructor(stdin: Readable, socket: Duplex, failed: (error: CodedError) => void) {
    this.#stdin = stdin;
    this.#socket = socket;
    this.#release = finished(stdin, { writable: false }, (error) => {
      this.stop();
      if (error === null || error === undefined) socket.write(emptyFrame(FRAME.stdin_end));
      else
        failed(
          new CodedError("file_failed", `cannot read standard input: ${errnoOf(error) ?? error.message}`, {
            hint: "The command was cancelled; it may have seen a part of the input.",
          }),
        );
    });
    // An error that comes after the end of the command is nobody's business, and must not end the process.
    stdin.on("error", () => undefined);
    socket.on("drain", this.#onDrain);
    stdin.on("data", this.#onData);
  }

  /** Leaves the rest of standard input unread. */
  stop(): void {
    this.#stopped = true;
    this.#release();
    this.#socket.off("drain", this.#onDrain);
    this.#stdin.off("data", this.#onData);
    this.#stdin.pause();
  }

  /**
   * Reads no further for now. A command that has ended takes no more input, and writing to it then can cost what is still to be read of
   * its output: who does not read should not write.
   */
  hold(): void {
    this.#held = true;
    this.#stdin.pause();
  }

  go(): void {
    this.#held = false;
    if (!this.#stopped && this.#socket.writableLength <= MAX_WAITING_BYTES) this.#stdin.resume();
  }

  readonly #onDrain = (): void => {
    if (!this.#held) this.#stdin.resume();
  };

  readonly #onData = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, "utf8") : chunk;
    this.#socket.cork();
    for (let at = 0; at < bytes.length; at += MAX_DATA_FRAME_BYTES) {
      const part = bytes.subarray(at, at + MAX_DATA_FRAME_BYTES);
      this.#socket.write(frameHeader(FRAME.stdin, part.length));
      this.#socket.write(part);
    }
    this.#socket.uncork();
    if (this.#socket.writableLength > MAX_WAITING_BYTES) this.#stdin.pause();
  };
}
