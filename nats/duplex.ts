import { Duplex } from "node:stream";
import type { Msg } from "@nats-io/transport-node";
import { CodedError } from "../wire/errors.ts";
import type { NatsClient } from "./client.ts";
import type { ConnectionTerms } from "./connection-options.ts";
import { Heartbeat } from "./heartbeat.ts";
import {
  decodeCredit,
  decodeMessage,
  encodeCredit,
  encodeMessage,
  encodeTerms,
  MESSAGE,
  type Message,
  type Terms,
} from "./messages.ts";
import { isNoResponders } from "./no-responders.ts";
import { IncomingCredit, OutgoingCredit } from "./window.ts";
import { Writer } from "./writer.ts";

/** Bytes that wait for the writer and for the reader above the windows. */
const BUFFER_BYTES = 131_072;

/** What is known of the other end. */
export interface OtherEnd {
  /** Its name, for messages. */
  readonly peer: string;
  /** The subjects that we listen to, and send to. */
  readonly incoming: string;
  readonly outgoing: string;
  /** What it lets us send. */
  readonly theirs: Terms;
  /** The number of the first message to come. */
  readonly nextIncoming: bigint;
  /** Ends listening. */
  readonly unsubscribe: () => void;
}

/**
 * A stream of bytes over two subjects of NATS, which behaves as a socket does. NATS may lose messages, and says nothing: each one has a number,
 * and whatever is not the next one, or comes from nowhere, destroys the stream with an error on both ends. So what was read is always the
 * beginning of what was written.
 */
export class NatsDuplex extends Duplex {
  readonly #nats: NatsClient;
  readonly #end: OtherEnd;
  /** The most bytes of data that we said we take in one message. */
  readonly #chunk: number;
  readonly #incoming: IncomingCredit;
  readonly #writer: Writer;
  readonly #heartbeat: Heartbeat;
  readonly #endStatus: () => void;
  #nextIncoming: bigint;
  #nextOutgoing = 0n;
  /** What came and was not asked for yet. */
  #arrived: Buffer[] = [];
  #isWanted = false;
  /** Each end said that nothing more comes from it. */
  #gotEnd = false;
  #sentEnd = false;
  /** Why the other end does not listen any more, although all that it sent has come. */
  #deaf: Error | undefined;

  constructor(nats: NatsClient, terms: ConnectionTerms, end: OtherEnd) {
    super({
      allowHalfOpen: terms.allowHalfOpen,
      readableHighWaterMark: BUFFER_BYTES,
      writableHighWaterMark: BUFFER_BYTES,
    });
    this.#nats = nats;
    this.#end = end;
    this.#chunk = terms.own.chunk;
    this.#incoming = new IncomingCredit(terms.own.window, terms.maxWindow);
    // Our server may take less than theirs.
    const credit = new OutgoingCredit(end.theirs.window, Math.min(end.theirs.chunk, terms.own.chunk));
    this.#writer = new Writer(
      nats.outflow,
      credit,
      (bytes, isHeld) => !this.destroyed && this.#send(isHeld ? MESSAGE.data_held : MESSAGE.data, bytes),
    );
    this.#nextIncoming = end.nextIncoming;
    this.#heartbeat = new Heartbeat(terms.heartbeatMs, {
      ping: () => {
        this.#send(MESSAGE.ping);
      },
      dead: () => {
        this.#lost("nothing came for too long");
      },
    });
    this.#endStatus = nats.onStatus((status) => {
      if (status.type === "disconnected") this.#lost("the server of NATS was lost");
      else if (status.type === "closed") this.#lost("this machine leaves NATS");
      else if (status.type === "denied" && (status.subject === end.outgoing || status.subject === end.incoming))
        this.#lost(`NATS does not allow ${status.subject}`);
    });
  }

  /** The first message of the end that listened: the subject to send to, and how much. */
  accept(token: string, own: Terms): void {
    this.#send(MESSAGE.accept, Buffer.concat([encodeTerms(own), Buffer.from(token, "latin1")]));
  }

  /** The first message of the end that dialled. */
  greet(): void {
    this.#send(MESSAGE.ping);
  }

  /** Takes what came on the incoming subject. */
  receive(message: Msg): void {
    if (this.destroyed) return;
    if (isNoResponders(message)) {
      this.#lost("the other end is gone");
      return;
    }
    const decoded = decodeMessage(message.data);
    if (decoded === undefined) this.#wrong("a message came that is none of a connection");
    else if (decoded.sequence !== this.#nextIncoming) this.#wrong(orderFault(decoded.sequence, this.#nextIncoming));
    else {
      this.#nextIncoming++;
      this.#heartbeat.heard();
      this.#take(decoded);
    }
  }

  override _read(): void {
    this.#isWanted = true;
    this.#deliver();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writer.write(chunk, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#writer.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#deaf === undefined) this.#send(MESSAGE.end);
    this.#sentEnd = true;
    if (this.#gotEnd) this.#heartbeat.stop();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#heartbeat.stop();
    this.#endStatus();
    // Where both have ended, nobody is there to be told.
    if (!(this.#gotEnd && this.#sentEnd) && this.#deaf === undefined) this.#send(MESSAGE.reset);
    this.#end.unsubscribe();
    this.#arrived = [];
    // Not at once: whoever was just given this stream by a promise must be able to listen for its error.
    setImmediate(() => {
      done(error);
      this.#writer.stop(error ?? this.#error("the connection was closed"));
    });
  }

  #take({ type, payload }: Message): void {
    switch (type) {
      case MESSAGE.data:
      case MESSAGE.data_held:
        this.#takeData(payload, type === MESSAGE.data_held);
        return;
      case MESSAGE.end:
        if (payload.length > 0 || this.#gotEnd) break;
        this.#gotEnd = true;
        if (this.#sentEnd) this.#heartbeat.stop();
        this.#deliver();
        return;
      case MESSAGE.credit: {
        const total = decodeCredit(payload);
        if (total === undefined || !this.#writer.extend(total)) break;
        return;
      }
      case MESSAGE.ping:
        if (payload.length > 0) break;
        return;
      case MESSAGE.reset:
        if (payload.length > 0) break;
        this.#lost("the other end closed the connection");
        return;
    }
    this.#wrong("a message came that may not come here");
  }

  #takeData(payload: Buffer, wasHeld: boolean): void {
    const isAllowed = !this.#gotEnd && payload.length > 0 && payload.length <= this.#chunk;
    if (!isAllowed || !this.#incoming.receive(payload.length, wasHeld)) {
      this.#wrong("more came than was allowed");
      return;
    }
    // A small part would keep the whole alive that the client has read.
    this.#arrived.push(payload.buffer.byteLength > payload.length * 4 ? Buffer.from(payload) : payload);
    this.#deliver();
  }

  #deliver(): void {
    while (this.#isWanted && !this.destroyed) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) break;
      this.#incoming.take(bytes.length);
      // Whoever reads may ask for more before push returns.
      this.#isWanted = false;
      if (this.push(bytes)) this.#isWanted = true;
    }
    if (this.destroyed) return;
    if (this.#gotEnd) {
      if (this.#arrived.length === 0) this.push(null);
      return;
    }
    const total = this.#incoming.grant();
    if (total !== undefined) this.#send(MESSAGE.credit, encodeCredit(total));
  }

  /** False when there is no server to send to; then the stream is destroyed. */
  #send(type: number, payload?: Uint8Array): boolean {
    const { outgoing, incoming } = this.#end;
    try {
      // The server answers on our subject at once when nobody listens to theirs.
      this.#nats.publish(outgoing, encodeMessage(type, this.#nextOutgoing, payload), incoming);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.destroy(error);
      return false;
    }
    this.#nextOutgoing++;
    this.#heartbeat.said();
    return true;
  }

  /** The other end, or the way to it, is gone. When all that it sent has come, that can still be read. */
  #lost(why: string): void {
    const error = this.#error(why);
    if (!this.#gotEnd) {
      this.destroy(error);
      return;
    }
    if (this.#sentEnd) return;
    this.#heartbeat.stop();
    this.#deaf = error;
    this.#writer.stop(error);
    // Whoever would still answer learns that it cannot, when it has read everything.
    if (this.readableEnded) this.#isDeafAtEnd();
    else
      this.once("end", () => {
        this.#isDeafAtEnd();
      });
  }

  #isDeafAtEnd(): void {
    if (this.allowHalfOpen && !this.#sentEnd) this.destroy(this.#deaf);
  }

  /** Somebody does not keep to the rules: NATS lost, doubled or swapped messages, or they are not of the other end. */
  #wrong(why: string): void {
    this.destroy(this.#error(`${why}; the connection is given up`));
  }

  #error(why: string): CodedError {
    return new CodedError("target_unreachable", `${this.#end.peer} over NATS: ${why}`);
  }
}

function orderFault(sequence: bigint, expected: bigint): string {
  return sequence > expected
    ? `message ${expected} is missing (${sequence} came)`
    : `message ${sequence} came again, or somebody else sent it`;
}
