import type { StructReader } from "../wire/reader.ts";
import { Capability, type Caller } from "./capability.ts";
import type { ImportHold } from "./imports.ts";
import type { WrittenResults } from "./message.ts";
import type { HostedObject, IncomingCall } from "./object.ts";

/** A call that waits for another one to return the object that it is for. */
export interface WaitingCall {
  readonly answer: Answer;
  /** Where among the results of the other call the object will be. */
  readonly path: readonly number[];
  readonly start: (object: HostedObject) => void;
}

/** How a call of the peer ended. */
export type Outcome =
  { readonly kind: "results"; readonly written: WrittenResults } | { readonly kind: "failed"; readonly error: unknown };

/** A call of the peer, from its arrival until it has ended and the peer has let its answer go. */
export class Answer {
  readonly id: number;
  /** Length of its message. */
  readonly messageBytes: number;
  /** Capabilities of the peer that came with it. */
  holds: readonly (ImportHold | undefined)[] = [];
  readonly waiting = new Set<WaitingCall>();
  /** Takes it out of the calls that wait for another one, when it is one of them. Returns the other one. */
  withdraw: (() => Answer) | undefined;
  /** Undefined while it runs. */
  outcome: Outcome | undefined;
  /** Objects of ours among its results, by id. */
  given: readonly number[] = [];
  /** The peer does not want its results any more. */
  isFinished = false;
  #controller: AbortController | undefined;
  #aborted: { readonly why: Error } | undefined;

  constructor(id: number, messageBytes: number) {
    this.id = id;
    this.messageBytes = messageBytes;
  }

  /** Made when it is asked for: most calls are over at once. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.why);
    return this.#controller.signal;
  }

  abort(why: Error): void {
    this.#aborted = { why };
    this.#controller?.abort(why);
  }
}

/** A call of the peer as the object sees it that it is for. */
export class ReceivedCall implements IncomingCall {
  readonly interfaceId: bigint;
  readonly method: number;
  readonly #payload: StructReader;
  readonly #answer: Answer;
  readonly #caller: Caller;
  #params: StructReader | undefined;

  constructor(body: StructReader, payload: StructReader, answer: Answer, caller: Caller) {
    this.interfaceId = body.uint64(8);
    this.method = body.uint16(4);
    this.#payload = payload;
    this.#answer = answer;
    this.#caller = caller;
  }

  get params(): StructReader {
    this.#params ??= this.#payload.struct(0);
    return this.#params;
  }

  get messageBytes(): number {
    return this.#answer.messageBytes;
  }

  get signal(): AbortSignal {
    return this.#answer.signal;
  }

  capability(pointer: number): Capability | undefined {
    const index = this.params.capability(pointer);
    const hold = index === undefined ? undefined : this.#answer.holds[index];
    return hold === undefined ? undefined : new Capability(this.#caller, { kind: "import", hold });
  }
}
