import { Readable, type Duplex } from "node:stream";
import { emptyFrame, FRAME } from "../../wire/frames.ts";
import { ALIVE_INTERVAL_MS, MAX_PENDING_STDIN_BYTES } from "../../wire/limits.ts";
import { Blocks } from "../util/blocks.ts";

/** Given to the program at a time, however small the frames were. */
const PIECE_BYTES = 65_536;
const PIECE_VIEWS = 64;

/**
 * Standard input that comes in frames. When a program does not read it, the client is not read either beyond a bound; then
 * only a write tells whether it is still there. Small frames are put together: a list of them would cost many times their size.
 */
export class StdinFeed extends Readable {
  readonly #socket: Duplex;
  readonly #waiting = new Blocks();
  #alive: NodeJS.Timeout | undefined;
  #ended = false;
  #wanted = false;
  #soon = false;

  constructor(socket: Duplex) {
    super({ highWaterMark: PIECE_BYTES });
    this.#socket = socket;
    this.on("error", () => undefined);
  }

  /** True after the client said that nothing more comes. */
  get isEnded(): boolean {
    return this.#ended;
  }

  /** What nobody reads any more is dropped. */
  feed(bytes: Buffer): void {
    if (this.destroyed) return;
    this.#waiting.push(bytes);
    this.#giveSoon();
    if (this.#waiting.length < MAX_PENDING_STDIN_BYTES) return;
    this.#socket.pause();
    this.#alive ??= setInterval(() => {
      this.#socket.write(emptyFrame(FRAME.alive));
    }, ALIVE_INTERVAL_MS);
  }

  feedEnd(): void {
    this.#ended = true;
    this.#giveSoon();
  }

  override _read(): void {
    this.#wanted = true;
    this.#give();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#waiting.drop(this.#waiting.length);
    this.#goOn();
    done(error);
  }

  /** When all frames of what came together have been looked at: many small ones are given as one. */
  #giveSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.#give();
    });
  }

  #give(): void {
    while (this.#wanted && this.#waiting.length > 0) {
      const piece = Buffer.concat(this.#waiting.views(PIECE_BYTES, PIECE_VIEWS));
      this.#waiting.drop(piece.length);
      this.#wanted = this.push(piece);
    }
    if (this.#ended && this.#waiting.length === 0 && !this.destroyed && !this.readableEnded) this.push(null);
    if (this.#waiting.length < MAX_PENDING_STDIN_BYTES) this.#goOn();
  }

  #goOn(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
    this.#socket.resume();
  }
}
