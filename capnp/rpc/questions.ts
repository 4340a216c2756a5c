import { Malformed } from "../wire/malformed.ts";
import type { StructReader } from "../wire/reader.ts";
import {
  Capability,
  type Caller,
  type CallRequest,
  type CallTarget,
  type PendingCall,
  type Results,
} from "./capability.ts";
import { EXCEPTION_KINDS, RpcException } from "./exception.ts";
import { Ids } from "./ids.ts";
import type { ImportHold } from "./imports.ts";
import {
  bootstrapMessage,
  callMessage,
  finishMessage,
  KEEP_PARAM_CAPABILITIES,
  MESSAGE,
  NO_FINISH_NEEDED,
  RETURN,
} from "./message.ts";
import { capabilityIndex, type Tables } from "./tables.ts";

/** A call of ours until the peer has returned it. */
interface Question {
  readonly resolve: (results: Results) => void;
  readonly reject: (error: Error) => void;
  /** Objects of ours that went with it, by id. */
  given: readonly number[];
  readonly pipelined: { readonly capability: Capability; readonly path: readonly number[] }[];
  /** Its id cannot be used again before the peer has returned it. */
  isCancelled: boolean;
}

/** The exception that a struct of the protocol holds. */
export function readException(struct: StructReader): RpcException {
  return new RpcException(EXCEPTION_KINDS[struct.uint16(4)] ?? "failed", struct.shownText(0));
}

function broken(error: Error): CallTarget {
  return { kind: "broken", error };
}

/** The calls that we made and that have no answer yet. */
export class Questions implements Caller {
  readonly #tables: Tables;
  readonly #write: (message: Buffer) => void;
  readonly #rows = new Map<number, Question>();
  readonly #ids = new Ids();
  #limit: number;
  #closed: Error | undefined;

  constructor(tables: Tables, limit: number, write: (message: Buffer) => void) {
    this.#tables = tables;
    this.#limit = limit;
    this.#write = write;
  }

  get size(): number {
    return this.#rows.size;
  }

  set limit(limit: number) {
    this.#limit = limit;
  }

  /** The object that the peer offers to whoever connects. Calls to it are sent at once. */
  bootstrap(): Capability {
    const asked = this.#ask(
      () => undefined,
      (id) => ({ bytes: bootstrapMessage(id), given: [] }),
    );
    return asked.pipelined();
  }

  send<T>(target: CallTarget, request: CallRequest<T>): PendingCall<T> {
    return this.#ask(request.read, (id) => {
      if (target.kind === "broken") throw target.error;
      if (target.kind === "import" && target.hold.isReleased)
        throw new RpcException("failed", "the capability was released");
      return callMessage(id, target, request, this.#tables.exports);
    });
  }

  /** @throws Malformed */
  returned(body: StructReader): void {
    const id = body.uint32(0);
    const question = this.#rows.get(id);
    if (question === undefined) throw new Malformed("the return of a call that was not made");
    this.#rows.delete(id);
    if (!body.bit(KEEP_PARAM_CAPABILITIES)) for (const given of question.given) this.#tables.exports.release(given, 1);
    // What a cancelled call returned was given back when it was finished.
    if (!question.isCancelled) {
      try {
        this.#settle(question, body);
      } catch (error) {
        // The connection ends with this, and does not know the call any more.
        this.#fail(question, error as Error);
        throw error;
      }
      if (!body.bit(NO_FINISH_NEEDED)) this.#write(finishMessage(id, false));
    }
    this.#ids.giveBack(id);
  }

  /** The peer does not know what we sent. */
  unimplemented(message: StructReader): void {
    const tag = message.uint16(0);
    if (tag !== MESSAGE.call && tag !== MESSAGE.bootstrap) return;
    const id = message.struct(0).uint32(0);
    const question = this.#rows.get(id);
    if (question === undefined) return;
    this.#rows.delete(id);
    this.#ids.giveBack(id);
    for (const given of question.given) this.#tables.exports.release(given, 1);
    this.#fail(question, new RpcException("unimplemented", "the peer does not know such calls"));
  }

  /** Nothing will be returned any more. */
  close(why: Error): void {
    this.#closed = why;
    const open = [...this.#rows.values()];
    this.#rows.clear();
    for (const question of open) this.#fail(question, why);
  }

  #ask<T>(
    read: (results: Results) => T,
    message: (id: number) => { readonly bytes: Buffer; readonly given: readonly number[] },
  ): PendingCall<T> {
    const id = this.#ids.take();
    const pipelined: Question["pipelined"] = [];
    let failed: Error | undefined;
    const results = new Promise<T>((resolve, reject) => {
      const question: Question = {
        resolve: (found) => {
          // What it throws is what the call is rejected with.
          resolve(
            new Promise((done) => {
              done(read(found));
            }),
          );
        },
        reject,
        given: [],
        pipelined,
        isCancelled: false,
      };
      try {
        if (this.#closed !== undefined) throw this.#closed;
        if (this.#rows.size >= this.#limit)
          throw new RpcException("overloaded", `${this.#limit} calls wait for their answers already`);
        const { bytes, given } = message(id);
        question.given = given;
        this.#rows.set(id, question);
        this.#write(bytes);
      } catch (error) {
        this.#ids.giveBack(id);
        failed = error as Error;
        reject(failed);
      }
    });
    // Who wants to know waits for it; a call may also be made for its pipelined capabilities only.
    results.catch(() => undefined);
    return {
      results,
      pipelined: (...path) => {
        const open = this.#rows.get(id)?.pipelined === pipelined;
        if (!open) return new Capability(this, broken(failed ?? new RpcException("failed", "the call is over")));
        const capability = new Capability(this, { kind: "promised", question: id, path });
        pipelined.push({ capability, path });
        return capability;
      },
      cancel: () => {
        const question = this.#rows.get(id);
        if (question?.pipelined === pipelined && !question.isCancelled) this.#cancel(id, question);
      },
    };
  }

  #cancel(id: number, question: Question): void {
    question.isCancelled = true;
    this.#write(finishMessage(id, true));
    this.#fail(question, new RpcException("failed", "the call was cancelled"));
  }

  #fail(question: Question, error: Error): void {
    for (const { capability } of question.pipelined) capability.settle(broken(error));
    question.reject(error);
  }

  #settle(question: Question, body: StructReader): void {
    switch (body.uint16(6)) {
      case RETURN.results:
        this.#succeed(question, body.struct(0));
        return;
      case RETURN.exception:
        this.#fail(question, readException(body.struct(0)));
        return;
      case RETURN.canceled:
        this.#fail(question, new RpcException("failed", "the peer cancelled the call"));
        return;
      default:
        this.#fail(question, new RpcException("unimplemented", "the peer returned in a way that is not known here"));
    }
  }

  /**
   * All of this happens before anything else is read or sent: the call is finished afterwards, and a call to a capability of a finished one is an
   * error of the protocol.
   */
  #succeed(question: Question, payload: StructReader): void {
    const table = this.#tables.imports.receiveTable(payload);
    try {
      for (const { capability, path } of question.pipelined) capability.settle(this.#targetAt(payload, table, path));
      question.resolve({
        get content() {
          return payload.struct(0);
        },
        capability: (pointer) => {
          const target = this.#targetAt(payload, table, [pointer]);
          return target.kind === "broken" ? undefined : new Capability(this, target);
        },
      });
    } finally {
      for (const hold of table) hold?.release();
    }
  }

  #targetAt(payload: StructReader, table: readonly (ImportHold | undefined)[], path: readonly number[]): CallTarget {
    try {
      const index = capabilityIndex(payload, path);
      const hold = index === undefined ? undefined : table[index];
      if (hold !== undefined) return { kind: "import", hold: this.#tables.imports.share(hold) };
      return broken(new RpcException("failed", "the call returned no capability of the peer there"));
    } catch (error) {
      return broken(error as Error);
    }
  }
}
