import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { emptyFrame, FRAME } from "../../wire/frames.ts";
import { ALIVE_INTERVAL_MS, MAX_PENDING_STDIN_BYTES } from "../../wire/limits.ts";

/**
 * Standard input that comes in frames. When a program does not read it, the client is not read either beyond a bound; then
 * only a write tells whether it is still there.
 */
export class StdinFeed extends Readable {
  readonly #socket: Socket;
  #alive: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(socket: Socket) {
    super({ highWaterMark: MAX_PENDING_STDIN_BYTES });
    this.#socket = socket;
    this.on("error", () => undefined);
  }

  /** True after the client said that nothing more comes. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /** What nobody reads any more is dropped. */
  feed(bytes: Buffer): void {
    if (this.destroyed || this.push(bytes)) return;
    this.#socket.pause();
    this.#alive ??= setInterval(() => {
      this.#socket.write(emptyFrame(FRAME.alive));
    }, ALIVE_INTERVAL_MS);
  }

  feedEnd(): void {
    this.#ended = true;
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#goOn();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#goOn();
    done(error);
  }

  #goOn(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
    this.#socket.resume();
  }
}
