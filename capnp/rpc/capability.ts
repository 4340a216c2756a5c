import type { StructReader } from "../wire/reader.ts";
import type { ImportHold } from "./imports.ts";
import type { Content } from "./object.ts";

/** Where a call goes. */
export type CallTarget =
  | { readonly kind: "import"; readonly hold: ImportHold }
  /** To what a call of ours will return: where in its results the capability is, as pointers from struct to struct. */
  | { readonly kind: "promised"; readonly question: number; readonly path: readonly number[] }
  | { readonly kind: "broken"; readonly error: Error };

/** What a call returned. Only to be read while `read` runs. */
export interface Results {
  /** @throws Malformed */
  readonly content: StructReader;
  /** A capability among them, undefined when there is none. Who takes it releases it. */
  capability(pointer: number): Capability | undefined;
}

/** A call to an object of the peer. */
export interface CallRequest<T> {
  readonly interfaceId: bigint;
  readonly method: number;
  readonly params?: Content;
  /** Takes out of the results what is wanted of them. What it throws is what the call is rejected with. */
  readonly read: (results: Results) => T;
}

/** A call that was sent. */
export interface PendingCall<T> {
  /** Rejects with an `RpcException`, or with `Malformed`. Need not be waited for. */
  readonly results: Promise<T>;
  /** A capability that will be among the results: calls to it are sent at once. Who takes it releases it. */
  pipelined(...path: readonly number[]): Capability;
  /** The results are not wanted any more. */
  cancel(): void;
}

/** What sends calls. */
export interface Caller {
  send<T>(target: CallTarget, request: CallRequest<T>): PendingCall<T>;
}

/** An object of the peer, or one that a call to it will return. */
export class Capability {
  readonly #caller: Caller;
  #target: CallTarget;
  #isReleased = false;

  constructor(caller: Caller, target: CallTarget) {
    this.#caller = caller;
    this.#target = target;
  }

  call<T>(request: CallRequest<T>): PendingCall<T> {
    return this.#caller.send(this.#target, request);
  }

  /** The call that it is a result of has returned. For `Questions` only. */
  settle(target: CallTarget): void {
    if (this.#isReleased && target.kind === "import") target.hold.release();
    this.#target = target;
  }

  /** It is not called any more. */
  release(): void {
    this.#isReleased = true;
    if (this.#target.kind === "import") this.#target.hold.release();
  }
}
