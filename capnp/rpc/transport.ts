import type { Duplex } from "node:stream";
import { Framer } from "../wire/framer.ts";
import type { Segments } from "../wire/segments.ts";

/** How long the last words may take until they are read and the peer has closed as well. */
const LINGER_MS = 1_000;

/** What a transport tells its connection. */
export interface TransportHost {
  readonly onMessage: (message: Segments) => void;
  /** Something was thrown while a message was cut out or taken. */
  readonly onBroken: (error: unknown) => void;
  /** The stream is gone; not told after `finish`. */
  readonly onLost: (error: Error | undefined) => void;
}

/** A stream of bytes, as messages. */
export class Transport {
  /** Resolves when the stream is closed. */
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #host: TransportHost;
  readonly #framer: Framer;
  #unreadLimit: number;
  /** Bytes of answers that are on their way. */
  #unread = 0;
  readonly #holds = new Set<object>();
  #isCorked = false;
  #isOver = false;
  #heardAt = performance.now();

  constructor(
    stream: Duplex,
    limits: { readonly messageBytes: number; readonly unreadBytes: number },
    host: TransportHost,
  ) {
    this.#stream = stream;
    this.#host = host;
    this.#framer = new Framer(limits.messageBytes, host.onMessage);
    this.#unreadLimit = limits.unreadBytes;
    this.closed = new Promise((resolve) => {
      if (stream.closed) resolve();
      else stream.once("close", resolve);
    });
    const lose = (): void => {
      this.#lose(undefined);
    };
    stream.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    stream.on("error", (error) => {
      this.#lose(error);
    });
    stream.once("end", lose);
    stream.once("close", lose);
    if (stream.destroyed || stream.readableEnded) queueMicrotask(lose);
  }

  /** When something was last read, as `performance.now()` counts. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** True while nothing is read. */
  get isHeld(): boolean {
    return this.#holds.size > 0;
  }

  allow(limits: { readonly messageBytes: number; readonly unreadBytes: number }): void {
    this.#framer.maxBytes = limits.messageBytes;
    this.#unreadLimit = limits.unreadBytes;
  }

  /** Nothing is read until the returned function is called. What was read already is still taken. */
  hold(): () => void {
    const hold = {};
    this.#holds.add(hold);
    this.#stream.pause();
    return () => {
      if (this.#holds.delete(hold) && this.#holds.size === 0) this.#stream.resume();
    };
  }

  write(message: Buffer): void {
    if (this.#isOver) return;
    this.#cork();
    this.#stream.write(message);
  }

  /** Writes an answer to something that the peer sent. Whoever lets too many of them pile up is not read any more until it has read them. */
  reply(message: Buffer): void {
    if (this.#isOver) return;
    this.#cork();
    this.#unread += message.length;
    const release = this.#unread > this.#unreadLimit ? this.hold() : undefined;
    this.#stream.write(message, () => {
      this.#unread -= message.length;
      release?.();
    });
  }

  /** Writes the last words and closes. What still comes is dropped. */
  finish(lastWords: Buffer): void {
    if (this.#isOver) return;
    this.#end();
    this.#stream.end(lastWords);
    this.#stream.resume();
    const timer = setTimeout(() => {
      this.#stream.destroy();
    }, LINGER_MS).unref();
    void this.closed.then(() => {
      clearTimeout(timer);
    });
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#heardAt = performance.now();
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#host.onBroken(error);
    }
  }

  #lose(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#end();
    this.#stream.destroy();
    this.#host.onLost(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#framer.stop();
  }

  /** What is written in one go is sent in one go. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }
}
