import type { Duplex } from "node:stream";
import { Malformed } from "../wire/malformed.ts";
import { rootOf, type StructReader } from "../wire/reader.ts";
import type { Segments } from "../wire/segments.ts";
import { Answers } from "./answers.ts";
import type { Capability } from "./capability.ts";
import { RpcException } from "./exception.ts";
import { Exports } from "./exports.ts";
import { Imports } from "./imports.ts";
import type { ConnectionLimits } from "./limits.ts";
import { abortMessage, disembargoMessage, MESSAGE, releaseMessage, unimplementedMessage } from "./message.ts";
import type { HostedObject } from "./object.ts";
import { Questions, readException } from "./questions.ts";
import { Transport } from "./transport.ts";

/** What a connection is made with. */
export interface ConnectionOptions {
  readonly limits: ConnectionLimits;
  /** What the peer gets when it asks for our first object; without it, the peer can only call what it is given. */
  readonly bootstrap?: HostedObject;
  /** Told of errors that are ours. Without it they are dropped: the peer hears of an internal error in any case. */
  readonly onBug?: (error: unknown) => void;
  /** Once, when the connection is over: `Malformed` when the peer did not keep to the protocol, else an `RpcException`. */
  readonly onOver?: (why: Error) => void;
}

/** How many rows the tables of a connection have. */
export interface TableSizes {
  readonly questions: number;
  readonly answers: number;
  readonly running: number;
  readonly exports: number;
  readonly imports: number;
}

/**
 * Cap'n Proto's RPC between two peers, level 1, over one stream. Promises of the peer are called as what they are: what they resolve to is given
 * back at once. Objects of ours that come back from the peer cannot be called, and none of its capabilities are sent to it.
 */
export class Connection {
  /** Resolves when the stream is closed. */
  readonly closed: Promise<void>;
  readonly #transport: Transport;
  readonly #questions: Questions;
  readonly #answers: Answers;
  readonly #exports: Exports;
  readonly #imports: Imports;
  readonly #onBug: (error: unknown) => void;
  readonly #onOver: (why: Error) => void;
  #isOver = false;

  constructor(stream: Duplex, options: ConnectionOptions) {
    const { limits, bootstrap, onBug = () => undefined, onOver = () => undefined } = options;
    this.#onBug = onBug;
    this.#onOver = onOver;
    this.#transport = new Transport(stream, limits, {
      onMessage: (message) => {
        this.#take(message);
      },
      onBroken: (error) => {
        this.#break(error);
      },
      onLost: (error) => {
        this.#end(new RpcException("disconnected", error?.message ?? "the peer closed the connection"));
      },
    });
    this.closed = this.#transport.closed;
    this.#exports = new Exports(limits.exports);
    this.#imports = new Imports(limits.imports, (id, received) => {
      this.#transport.reply(releaseMessage(id, received));
    });
    const tables = { exports: this.#exports, imports: this.#imports };
    this.#questions = new Questions(tables, limits.questions, (message) => {
      this.#transport.write(message);
    });
    this.#answers = new Answers(
      {
        tables,
        caller: this.#questions,
        bootstrap,
        onBug,
        reply: (message) => {
          this.#transport.reply(message);
        },
      },
      limits,
    );
  }

  get sizes(): TableSizes {
    return {
      questions: this.#questions.size,
      answers: this.#answers.size,
      running: this.#answers.running,
      exports: this.#exports.size,
      imports: this.#imports.size,
    };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** When the peer last sent something, as `performance.now()` counts. */
  get heardAt(): number {
    return this.#transport.heardAt;
  }

  /** True while nothing is read of the peer. */
  get isHeld(): boolean {
    return this.#transport.isHeld;
  }

  /** Nothing is read of the peer until the returned function is called. What was read already is still taken. */
  hold(): () => void {
    return this.#transport.hold();
  }

  /** Changes what the connection may take. */
  allow(limits: ConnectionLimits): void {
    this.#transport.allow(limits);
    this.#questions.limit = limits.questions;
    this.#answers.limits = limits;
    this.#exports.limit = limits.exports;
    this.#imports.limit = limits.imports;
  }

  /** The peer's first object. Calls to it are sent at once. */
  bootstrap(): Capability {
    return this.#questions.bootstrap();
  }

  /** Tells the peer, and closes. All calls of ours are rejected with `why`, all of the peer's aborted. */
  close(why: RpcException): void {
    if (this.#isOver) return;
    this.#transport.finish(abortMessage(why));
    this.#end(why);
  }

  #break(error: unknown): void {
    if (this.#isOver) return;
    const isTheirs = error instanceof Malformed;
    if (!isTheirs) this.#onBug(error);
    const told = new RpcException("failed", isTheirs ? error.message : "internal error");
    this.#transport.finish(abortMessage(told));
    this.#end(isTheirs ? error : told);
  }

  #end(why: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exports.clear();
    this.#imports.clear();
    this.#questions.close(why);
    this.#answers.close(why);
    this.#onOver(why);
  }

  #take(message: Segments): void {
    const root = rootOf(message);
    const tag = root.uint16(0);
    const body = root.struct(0);
    switch (tag) {
      case MESSAGE.call:
        this.#answers.call(body, message.byteLength);
        return;
      case MESSAGE.return:
        this.#questions.returned(body);
        return;
      case MESSAGE.finish:
        this.#answers.finish(body);
        return;
      case MESSAGE.release:
        this.#exports.release(body.uint32(0), body.uint32(4));
        return;
      case MESSAGE.bootstrap:
        this.#answers.bootstrap(body);
        return;
      case MESSAGE.resolve:
        this.#resolved(body);
        return;
      case MESSAGE.disembargo:
        if (body.uint16(4) === 0) this.#transport.reply(disembargoMessage(body.uint32(0)));
        return;
      case MESSAGE.unimplemented:
        this.#questions.unimplemented(body);
        return;
      case MESSAGE.abort:
        this.#aborted(body);
        return;
      default:
        this.#transport.reply(unimplementedMessage(tag, body.uint64(0)));
    }
  }

  /** The peer says what a promise of its has become. It goes on to take calls to the promise, so nothing else is needed. */
  #resolved(body: StructReader): void {
    if (body.uint16(4) === 0) this.#imports.receiveRow(body.struct(0))?.release();
  }

  #aborted(body: StructReader): void {
    const why = readException(body);
    this.#transport.finish(Buffer.alloc(0));
    this.#end(why);
  }
}
