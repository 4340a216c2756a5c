import { Malformed } from "../wire/malformed.ts";
import { rootOf, type StructReader } from "../wire/reader.ts";
import { Segments } from "../wire/segments.ts";
import { Answer, ReceivedCall, type Outcome } from "./answer.ts";
import type { Caller } from "./capability.ts";
import { RpcException } from "./exception.ts";
import type { ConnectionLimits } from "./limits.ts";
import { canceledMessage, exceptionMessage, writeResults } from "./message.ts";
import type { Content, HostedObject, IncomingCall } from "./object.ts";
import { capabilityIndex, pathOf, type Tables } from "./tables.ts";

/** Bits of a Finish and values of a Call. */
const KEEP_RESULT_CAPABILITIES = 32;
const TO_CALLER = 0;
const IMPORTED = 0;
const PROMISED = 1;

/** What the calls of the peer need of their connection. */
export interface AnswersHost {
  readonly tables: Tables;
  /** Through which the objects that are called can call back. */
  readonly caller: Caller;
  /** What the peer gets when it asks for our first object. */
  readonly bootstrap: HostedObject | undefined;
  readonly reply: (message: Buffer) => void;
  /** Told what an object threw that is no exception for the peer. */
  readonly onBug: (error: unknown) => void;
}

/** The calls that the peer made. */
export class Answers {
  readonly #host: AnswersHost;
  #limits: ConnectionLimits;
  /** Those that the peer may still name, by its id. */
  readonly #rows = new Map<number, Answer>();
  /** Those that have not ended, whether it wants their results or not. */
  readonly #running = new Set<Answer>();
  #runningBytes = 0;

  constructor(host: AnswersHost, limits: ConnectionLimits) {
    this.#host = host;
    this.#limits = limits;
  }

  get size(): number {
    return this.#rows.size;
  }

  get running(): number {
    return this.#running.size;
  }

  set limits(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** @throws Malformed */
  bootstrap(body: StructReader): void {
    const answer = this.#open(body.uint32(0), 0);
    const { bootstrap: object } = this.#host;
    if (object === undefined) this.#fail(answer, new RpcException("failed", "there is nothing to be called here"));
    else this.#succeed(answer, { object });
  }

  /** @throws Malformed */
  call(body: StructReader, messageBytes: number): void {
    const answer = this.#open(body.uint32(0), messageBytes);
    const payload = body.struct(1);
    answer.holds = this.#host.tables.imports.receiveTable(payload);
    if (this.#runningBytes > this.#limits.runningBytes) {
      this.#fail(answer, new RpcException("overloaded", "too much was sent for calls that still run"));
      return;
    }
    if (body.uint16(6) !== TO_CALLER) {
      this.#fail(answer, new RpcException("unimplemented", "results are sent to the caller only"));
      return;
    }
    const call = new ReceivedCall(body, payload, answer, this.#host.caller);
    this.#direct(answer, body.struct(0), (object) => {
      this.#run(answer, object, call);
    });
  }

  /** The peer lets an answer go, or does not want it any more. */
  finish(body: StructReader): void {
    const answer = this.#rows.get(body.uint32(0));
    // It may finish what we said need not be finished.
    if (answer === undefined) return;
    this.#rows.delete(answer.id);
    if (answer.outcome === undefined) {
      answer.isFinished = true;
      this.#host.reply(canceledMessage(answer.id));
      this.#endUnwanted(answer);
    } else if (!body.bit(KEEP_RESULT_CAPABILITIES))
      for (const given of answer.given) this.#host.tables.exports.release(given, 1);
  }

  /** Nobody waits for anything any more. */
  close(why: Error): void {
    this.#rows.clear();
    const running = [...this.#running];
    this.#running.clear();
    for (const answer of running) answer.abort(why);
  }

  #open(id: number, messageBytes: number): Answer {
    if (this.#rows.has(id)) throw new Malformed("a call has the id of another one");
    if (Math.max(this.#rows.size, this.#running.size) >= this.#limits.answers)
      throw new Malformed(`more than ${this.#limits.answers} calls at the same time`);
    const answer = new Answer(id, messageBytes);
    this.#rows.set(id, answer);
    this.#running.add(answer);
    this.#runningBytes += messageBytes;
    return answer;
  }

  /** Finds the object that a call is for, now or when another call has returned it. */
  #direct(answer: Answer, target: StructReader, start: (object: HostedObject) => void): void {
    const kind = target.uint16(4);
    if (kind === IMPORTED) {
      const object = this.#host.tables.exports.get(target.uint32(0));
      if (object === undefined) this.#fail(answer, new RpcException("failed", "there is no such capability"));
      else start(object);
      return;
    }
    if (kind !== PROMISED) throw new Malformed("a call to something of unknown kind");
    const promised = target.struct(0);
    const other = this.#rows.get(promised.uint32(0));
    const path = pathOf(promised);
    if (other === undefined) this.#fail(answer, new RpcException("failed", "there is no such answer"));
    else if (other.outcome !== undefined) this.#proceed(answer, other.outcome, path, start);
    else {
      const waiting = { answer, path, start };
      other.waiting.add(waiting);
      answer.withdraw = () => {
        other.waiting.delete(waiting);
        return other;
      };
    }
  }

  /** Goes on with a call to a result of another one. */
  #proceed(answer: Answer, outcome: Outcome, path: readonly number[], start: (object: HostedObject) => void): void {
    answer.withdraw = undefined;
    if (outcome.kind === "failed") {
      this.#fail(answer, outcome.error);
      return;
    }
    const { segment, objects } = outcome.written;
    let object: HostedObject | undefined;
    try {
      const payload = rootOf(Segments.ours(segment)).struct(0).struct(0);
      object = objects[capabilityIndex(payload, path) ?? -1];
    } catch (error) {
      this.#fail(answer, error);
      return;
    }
    if (object === undefined) this.#fail(answer, new RpcException("failed", "there is no capability in the answer"));
    else start(object);
  }

  #run(answer: Answer, object: HostedObject, call: IncomingCall): void {
    try {
      const content = object.call(call);
      if (content instanceof Promise)
        content.then(
          (late) => {
            this.#succeed(answer, late);
          },
          (error: unknown) => {
            this.#fail(answer, error);
          },
        );
      else this.#succeed(answer, content);
    } catch (error) {
      this.#fail(answer, error);
    }
  }

  #succeed(answer: Answer, content: Content | { readonly object: HostedObject } | undefined): void {
    if (!this.#running.has(answer)) return;
    try {
      const written = writeResults(answer.id, content);
      if (!answer.isFinished) {
        const { bytes, given } = written.give(this.#host.tables.exports);
        answer.given = given;
        this.#host.reply(bytes);
        // We said that it need not be finished, so its id may be used again.
        if (given.length === 0) this.#rows.delete(answer.id);
      }
      this.#end(answer, { kind: "results", written });
    } catch (error) {
      this.#fail(answer, error);
    }
  }

  #fail(answer: Answer, error: unknown): void {
    if (!this.#running.has(answer)) return;
    if (!answer.isFinished) this.#host.reply(exceptionMessage(answer.id, this.#exceptionOf(error)));
    this.#end(answer, { kind: "failed", error });
  }

  #exceptionOf(error: unknown): RpcException {
    if (error instanceof RpcException) return error;
    if (error instanceof Malformed) return new RpcException("failed", error.message);
    this.#host.onBug(error);
    return new RpcException("failed", "internal error");
  }

  #end(answer: Answer, outcome: Outcome): void {
    this.#running.delete(answer);
    this.#runningBytes -= answer.messageBytes;
    answer.outcome = outcome;
    for (const hold of answer.holds) hold?.release();
    const waiting = [...answer.waiting];
    answer.waiting.clear();
    for (const { answer: other, path, start } of waiting) this.#proceed(other, outcome, path, start);
  }

  /** Ends a call whose results are not wanted, unless other calls wait for them. */
  #endUnwanted(answer: Answer): void {
    if (!answer.isFinished || answer.waiting.size > 0) return;
    const why = new RpcException("failed", "the caller cancelled the call");
    const other = answer.withdraw?.();
    if (other === undefined) {
      answer.abort(why);
      return;
    }
    this.#end(answer, { kind: "failed", error: why });
    this.#endUnwanted(other);
  }
}
