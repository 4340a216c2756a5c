import type { Duplex } from "node:stream";
import { errnoOf } from "../wire/errors.ts";
import { LinkFault } from "./fault.ts";
import { CARRIER_BYTES } from "./limits.ts";
import { MessageReader, type Message } from "./message.ts";

/** How long the last word may take. */
const LAST_WORD_MS = 1_000;

/** Who is at this end of a carrier; it changes when the hello is over. */
export interface Receiver {
  /** May throw `LinkFault`. */
  readonly message: (message: Message) => void;
  /** Some of what waited to be sent is gone. */
  readonly room: () => void;
  /** The other side broke the rules; the carrier still stands. */
  readonly broken: (fault: LinkFault) => void;
  /** The carrier is gone. Called once. */
  readonly lost: (why: string) => void;
}

/** A secured connection that carries messages. */
export class Carrier {
  readonly #stream: Duplex;
  readonly #reader: MessageReader;
  #receiver: Receiver;
  #heardAt = performance.now();
  #why: string | undefined;
  #isLost = false;

  /** @param stream is read from here on, and closed with the carrier */
  constructor(stream: Duplex, receiver: Receiver) {
    this.#stream = stream;
    this.#receiver = receiver;
    this.#reader = new MessageReader((message) => {
      this.#receiver.message(message);
    });
    stream.on("data", (chunk: Buffer) => {
      this.#data(chunk);
    });
    stream.on("end", () => {
      this.drop("the other side closed the connection");
    });
    const failed = (error: Error): void => {
      this.drop(errnoOf(error) ?? error.message);
    };
    stream.on("error", failed);
    // What a server's end says instead when records are damaged; it would stay open.
    stream.on("_tlsError", failed);
    stream.on("close", () => {
      this.drop("the connection was closed");
    });
    if (stream.destroyed || stream.readableEnded)
      queueMicrotask(() => {
        this.drop("the connection was closed");
      });
  }

  set receiver(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** When something came last, by `performance.now()`. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Nothing was lost, only late: this process itself stood still. */
  pardon(): void {
    this.#heardAt = performance.now();
  }

  /** Why it is gone; undefined while it is there. */
  get why(): string | undefined {
    return this.#why;
  }

  get hasRoom(): boolean {
    return this.#stream.writableLength < CARRIER_BYTES;
  }

  send(message: Buffer): void {
    if (this.#isLost) return;
    // Not "drain": what counts as full differs between runtimes.
    this.#stream.write(message, this.#written);
  }

  readonly #written = (): void => {
    if (!this.#isLost) this.#receiver.room();
  };

  /** Sends together what `work` sends. */
  together(work: () => void): void {
    this.#stream.cork();
    try {
      work();
    } finally {
      this.#stream.uncork();
    }
  }

  /** Says a last word, and closes. Nothing that still comes is looked at. */
  close(last: Buffer): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#why = "the connection was closed here";
    this.#reader.stop();
    const stream = this.#stream;
    stream.end(last);
    // Whoever does not read it is not waited for.
    const timer = setTimeout(() => {
      stream.destroy();
    }, LAST_WORD_MS);
    stream.once("close", () => {
      clearTimeout(timer);
    });
    stream.resume();
  }

  /** Gives the connection up. */
  drop(why: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#why = why;
    this.#reader.stop();
    this.#stream.destroy();
    this.#receiver.lost(why);
  }

  #data(chunk: Buffer): void {
    if (this.#isLost) return;
    this.#heardAt = performance.now();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof LinkFault)) throw error;
      this.#reader.stop();
      this.#receiver.broken(error);
    }
  }
}
