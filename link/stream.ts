import { Duplex } from "node:stream";
import { Blocks } from "../host/util/blocks.ts";
import { CodedError } from "../wire/errors.ts";
import { demand } from "./fault.ts";
import { MESSAGE, messageRoom } from "./message.ts";
import { Sending } from "./sending.ts";
import type { Window } from "./window.ts";

/** Why a side wants no more of a stream. */
export const RESET = { gone: 0, full: 1, refused: 2 } as const;
export type Reset = (typeof RESET)[keyof typeof RESET];

const READ_AHEAD = 16_384;
const WRITE_AHEAD = 262_144;
const PIECE_BYTES = 65_536;

/** What a stream needs of its session. */
export interface StreamHost {
  /** It has something to send; `step` will be called when it can be. */
  readonly ready: (stream: LinkStream) => void;
  /** Numbers, keeps and sends a message. */
  readonly send: (message: Buffer) => void;
  /** Memory for a large message. */
  readonly memory: () => ArrayBuffer;
  /** A number for a stream that is being opened. */
  readonly opening: (stream: LinkStream) => number;
  readonly credit: (stream: LinkStream, bytes: number) => void;
  readonly reset: (id: number, reason: Reset) => void;
  /** Both sides have said their last word of it. */
  readonly over: (id: number) => void;
  /** It holds nothing any more. */
  readonly closed: (stream: LinkStream) => void;
}

type Done = (error?: Error | null) => void;

function reasonOf(error: Error | null): Reset {
  if (!(error instanceof CodedError)) return RESET.gone;
  return error.code === "agent_full" ? RESET.full : error.code === "link_refused" ? RESET.refused : RESET.gone;
}

function errorOf(reason: number): CodedError {
  if (reason === RESET.full) return new CodedError("agent_full", "the other side takes no more streams now");
  if (reason === RESET.refused) return new CodedError("link_refused", "the other side does not take the stream");
  return new CodedError("link_lost", "the other side gave the stream up before its end");
}

/**
 * One stream of a session: bytes in both directions, each with an end of its own. It may stand where a socket does. Each side says one last word of it,
 * `end` or `reset`, and after both its number is gone; `reset` can also follow the own `end`, and says then that nothing more is read.
 */
export class LinkStream extends Duplex {
  readonly #host: StreamHost;
  readonly #window: Window;
  readonly #sending: Sending;
  readonly #unread = new Blocks();
  #id: number | undefined;
  #wanted = false;
  #pushed = 0;
  #counted = 0;
  #ending: Done | undefined;
  #weEnded = false;
  #theyEnded = false;
  #saidEnd = false;
  #isLost = false;

  /**
   * @param credit bytes that the other side takes from the beginning
   * @param id of a stream that the other side opened
   */
  constructor(host: StreamHost, window: Window, credit: number, id?: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: READ_AHEAD, writableHighWaterMark: WRITE_AHEAD });
    this.#host = host;
    this.#window = window;
    this.#sending = new Sending(credit);
    this.#id = id;
    // "close" follows; nobody's missing listener may end the process.
    this.on("error", () => undefined);
    if (id === undefined) host.ready(this);
  }

  /** Its number, once the other side has been told of it. */
  get id(): number | undefined {
    return this.#id;
  }

  /** True when `step` would send something. */
  get canStep(): boolean {
    if (this.destroyed || this.#weEnded) return false;
    return this.#id === undefined || this.#sending.canSend || (this.#ending !== undefined && this.#sending.isEmpty);
  }

  /** Sends one message. */
  step(): void {
    if (!this.canStep) return;
    if (this.#id === undefined) {
      this.#id = this.#host.opening(this);
      this.#host.send(messageRoom(MESSAGE.open, 0, this.#id));
    } else if (this.#sending.canSend) {
      this.#host.send(this.#sending.next(this.#id, this.#host.memory));
      if (this.#sending.isEmpty) this.#sending.settle();
    } else {
      this.#host.send(messageRoom(MESSAGE.end, 0, this.#id));
      this.#weEnded = true;
      this.#settleEnd();
      this.#maybeOver(this.#id);
    }
  }

  /** Bytes came. Throws `LinkFault` when they may not. */
  accept(pieces: readonly Buffer[], length: number): void {
    demand(!this.#theyEnded, "data behind the end of a stream");
    this.#window.take(length);
    for (const piece of pieces) this.#acceptPiece(piece);
    this.#account();
  }

  /** No more comes. */
  acceptEnd(): void {
    demand(!this.#theyEnded, "two ends of a stream");
    this.#theyEnded = true;
    this.#give();
    if (this.#id !== undefined) this.#maybeOver(this.#id);
  }

  acceptCredit(bytes: number): void {
    this.#sending.add(bytes);
    if (this.canStep) this.#host.ready(this);
  }

  /** The other side wants no more of it. */
  acceptReset(reason: number): void {
    const id = this.#id;
    if (id === undefined) return;
    const hadEnded = this.#theyEnded;
    this.#theyEnded = true;
    if (!this.#weEnded) this.#host.reset(id, RESET.gone);
    this.#weEnded = true;
    this.#maybeOver(id);
    if (hadEnded) {
      // It said all that it had to say, and only does not listen any more. What is written goes nowhere, as on its way to a reader that is gone.
      this.#sending.settle();
      this.#settleEnd();
    } else this.lose(errorOf(reason));
  }

  /** Ends it without a word to the other side. */
  lose(error: CodedError): void {
    this.#isLost = true;
    this.destroy(error);
  }

  /** Whatever is taken out of the stream's own buffer is taken here, also when bytes flow. */
  override read(size?: number): unknown {
    const taken: unknown = super.read(size);
    this.#account();
    return taken;
  }

  override _read(): void {
    this.#wanted = true;
    this.#give();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#write([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    if (this.#weEnded) {
      done();
      return;
    }
    this.#ending = done;
    this.#host.ready(this);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#unread.drop(this.#unread.length);
    this.#window.close();
    // Without an error, as sockets do it: that the stream is closed is said by the stream.
    this.#sending.settle();
    const id = this.#id;
    if (id !== undefined && !this.#isLost && !(this.#weEnded && this.#theyEnded)) {
      this.#host.reset(id, reasonOf(error));
      this.#weEnded = true;
      this.#maybeOver(id);
    }
    this.#host.closed(this);
    done(error);
  }

  #write(chunks: readonly Buffer[], done: Done): void {
    if (this.#weEnded) {
      done();
      return;
    }
    this.#sending.give(chunks, done);
    if (this.#sending.isEmpty) this.#sending.settle();
    else if (this.canStep) this.#host.ready(this);
  }

  #settleEnd(): void {
    const done = this.#ending;
    this.#ending = undefined;
    done?.();
  }

  #maybeOver(id: number): void {
    if (this.#weEnded && this.#theyEnded) this.#host.over(id);
  }

  #acceptPiece(piece: Buffer): void {
    // Whoever got the piece before may have had enough.
    if (this.destroyed) return;
    if (this.#wanted && this.#unread.length === 0) this.#push(piece);
    else this.#unread.push(piece);
  }

  #push(piece: Buffer): void {
    this.#pushed += piece.length;
    this.#wanted = this.push(piece);
  }

  #give(): void {
    // One at a time: whoever gets it may read, and come back here.
    while (this.#wanted && this.#unread.length > 0) {
      const [view] = this.#unread.views(PIECE_BYTES, 1);
      if (view === undefined) break;
      this.#unread.drop(view.length);
      this.#push(view);
    }
    if (this.#theyEnded && this.#unread.length === 0 && !this.#saidEnd && !this.destroyed) {
      this.#saidEnd = true;
      this.push(null);
    }
  }

  /** Grants again what was read. */
  #account(): void {
    if (this.destroyed || this.#theyEnded) return;
    const read = this.#pushed - this.readableLength - this.#counted;
    if (read <= 0) return;
    this.#counted += read;
    const granted = this.#window.read(read);
    if (granted > 0) this.#host.credit(this, granted);
  }
}
