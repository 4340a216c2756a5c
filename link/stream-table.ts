import type { Duplex } from "node:stream";
import { CodedError } from "../wire/errors.ts";
import { demand } from "./fault.ts";
import { MIN_WINDOW_BYTES } from "./limits.ts";
import { MESSAGE, messageRoom, numberMessage, payloadOf, HEADER_BYTES, type Message } from "./message.ts";
import { LinkStream, type Reset, type StreamHost } from "./stream.ts";
import { Pool, Window } from "./window.ts";

const LAST_ID = 0xffff_ffff;

export interface StreamSettings {
  readonly window: number;
  readonly sessionWindow: number;
  /** Streams that may be open at the same time here, of both sides together. */
  readonly streams: number;
}

export interface TableOptions {
  /** Whoever dialled opens streams with odd numbers, the other side with even ones. */
  readonly isDialler: boolean;
  readonly own: StreamSettings;
  /** What the other side said: bytes that it takes on a new stream, streams that it takes. */
  readonly their: { readonly window: number; readonly streams: number };
  /** Missing: the other side may open none. */
  readonly onStream: ((stream: Duplex) => void) | undefined;
  /** There is something to send. */
  readonly wake: () => void;
  /** Numbers, keeps and sends a message. */
  readonly send: (message: Buffer) => void;
  readonly memory: () => ArrayBuffer;
}

/** What a new stream may hold: half of what all may hold is divided between them, and the other half is for those that carry much. */
export function firstWindow({ window, sessionWindow, streams }: StreamSettings): number {
  return Math.max(MIN_WINDOW_BYTES, Math.min(window, Math.floor(sessionWindow / 2 / Math.max(1, streams))));
}

/** The streams of a session: their numbers, their turns, and what is to be said about them. */
export class StreamTable {
  readonly #options: TableOptions;
  readonly #pool: Pool;
  readonly #host: StreamHost;
  /** Until both sides have said their last word. */
  readonly #known = new Map<number, LinkStream>();
  /** Until nothing is held for them any more. */
  readonly #held = new Set<LinkStream>();
  /** Who has something to send, in the order of their turns. */
  readonly #ready = new Set<LinkStream>();
  readonly #credits = new Map<number, number>();
  readonly #resets = new Map<number, Reset>();
  #nextOwn: number;
  #nextTheirs: number;
  /** Open streams by who opened them. */
  #own = 0;
  #theirs = 0;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#pool = new Pool(options.own.sessionWindow / 2);
    this.#nextOwn = options.isDialler ? 1 : 2;
    this.#nextTheirs = options.isDialler ? 2 : 1;
    this.#host = {
      ready: (stream) => {
        this.#ready.add(stream);
        options.wake();
      },
      send: options.send,
      memory: options.memory,
      opening: (stream) => this.#opening(stream),
      credit: (stream, bytes) => {
        const { id } = stream;
        if (id === undefined) return;
        this.#credits.set(id, (this.#credits.get(id) ?? 0) + bytes);
        options.wake();
      },
      reset: (id, reason) => {
        this.#resets.set(id, reason);
        options.wake();
      },
      over: (id) => {
        this.#over(id);
      },
      closed: (stream) => {
        this.#closed(stream);
      },
    };
  }

  get size(): number {
    return this.#held.size;
  }

  /** @throws CodedError `link_refused`, `agent_full`, `link_lost` */
  open(): Duplex {
    const { their, own } = this.#options;
    if (their.streams === 0) throw new CodedError("link_refused", "the other side takes no streams");
    if (this.#own >= their.streams || this.#held.size >= own.streams)
      throw new CodedError("agent_full", `${Math.min(their.streams, own.streams)} streams are open already`);
    if (this.#nextOwn + 2 * this.#own > LAST_ID)
      throw new CodedError("link_lost", "the session has used up its numbers for streams");
    this.#own++;
    return this.#made();
  }

  /** Throws `LinkFault`. */
  message(message: Message): void {
    if (message.type === MESSAGE.open) {
      this.#opened(message.stream);
      return;
    }
    const stream = this.#known.get(message.stream);
    const isAfterthought = message.type === MESSAGE.credit || message.type === MESSAGE.reset;
    if (stream === undefined) {
      demand(isAfterthought && this.#isPast(message.stream), `a message of type ${message.type} about no open stream`);
      return;
    }
    switch (message.type) {
      case MESSAGE.data:
        stream.accept(message.pieces, message.length);
        return;
      case MESSAGE.credit:
        stream.acceptCredit(payloadOf(message).readUInt32BE(0));
        return;
      case MESSAGE.end:
        stream.acceptEnd();
        return;
      default:
        stream.acceptReset(payloadOf(message).readUInt8(0));
    }
  }

  /** True when `flush` would send something. */
  get hasSomething(): boolean {
    return this.#ready.size > 0 || this.#credits.size > 0 || this.#resets.size > 0;
  }

  /** Sends what is to be said: credits and last words first, then the streams in turn, one message each, for as long as there is room. */
  flush(hasRoom: () => boolean): void {
    const { send } = this.#options;
    for (const [id, bytes] of this.#credits) {
      this.#credits.delete(id);
      if (this.#known.has(id) && !this.#resets.has(id)) send(numberMessage(MESSAGE.credit, bytes, id));
    }
    for (const [id, reason] of this.#resets) {
      this.#resets.delete(id);
      const message = messageRoom(MESSAGE.reset, 1, id);
      message.writeUInt8(reason, HEADER_BYTES);
      send(message);
    }
    for (const stream of this.#ready) {
      if (!hasRoom()) return;
      this.#ready.delete(stream);
      stream.step();
      if (stream.canStep) this.#ready.add(stream);
    }
  }

  /** Ends all streams. What came whole can still be read. */
  lose(error: CodedError): void {
    const lost = new Set([...this.#known.values(), ...this.#ready]);
    this.#known.clear();
    this.#ready.clear();
    this.#credits.clear();
    this.#resets.clear();
    for (const stream of lost) stream.lose(error);
  }

  #made(id?: number): LinkStream {
    const { own, their } = this.#options;
    const window = new Window(firstWindow(own), own.window, this.#pool);
    const stream = new LinkStream(this.#host, window, their.window, id);
    this.#held.add(stream);
    return stream;
  }

  #opening(stream: LinkStream): number {
    const id = this.#nextOwn;
    this.#nextOwn += 2;
    this.#known.set(id, stream);
    return id;
  }

  #opened(id: number): void {
    const { onStream, own } = this.#options;
    demand(onStream !== undefined, "a stream, where none is taken");
    demand(id === this.#nextTheirs, "a stream whose number is not the next one");
    this.#nextTheirs += 2;
    demand(this.#theirs < own.streams, "more streams than are taken");
    this.#theirs++;
    const stream = this.#made(id);
    this.#known.set(id, stream);
    // The other side has ended some that are still being read here.
    if (this.#held.size > own.streams) stream.destroy(new CodedError("agent_full", "too many streams"));
    else onStream(stream);
  }

  #isOwn(id: number): boolean {
    return id % 2 === this.#nextOwn % 2;
  }

  #isPast(id: number): boolean {
    return id < (this.#isOwn(id) ? this.#nextOwn : this.#nextTheirs);
  }

  #over(id: number): void {
    if (!this.#known.delete(id)) return;
    this.#credits.delete(id);
    if (this.#isOwn(id)) this.#own--;
    else this.#theirs--;
  }

  #closed(stream: LinkStream): void {
    this.#held.delete(stream);
    this.#ready.delete(stream);
    // Nobody has heard of it.
    if (stream.id === undefined) this.#own--;
  }
}
