import type { Writable } from "node:stream";
import { CodedError, messageOf } from "../wire/errors.ts";
import { throwIfAborted } from "./refusal.ts";

/** A stream that is written to no faster than it takes, until it is gone or somebody cancels. */
export class Outlet {
  readonly #output: Writable;
  readonly #leave: () => void;
  #onFailure: (error: Error) => void = () => undefined;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(output: Writable, signal: AbortSignal | undefined) {
    this.#output = output;
    const gone = (error?: Error): void => {
      const why = error === undefined ? "" : `: ${messageOf(error)}`;
      this.fail(new CodedError("cancelled", `nobody takes the stream any more${why}`));
    };
    const close = (): void => {
      gone();
    };
    const abort = (): void => {
      try {
        throwIfAborted(signal);
      } catch (error) {
        this.fail(error as Error);
      }
    };
    const drain = (): void => {
      this.#wake();
    };
    output.on("error", gone).on("close", close).on("drain", drain);
    signal?.addEventListener("abort", abort);
    this.#leave = () => {
      output.off("error", gone).off("close", close).off("drain", drain);
      signal?.removeEventListener("abort", abort);
    };
    if (output.destroyed || output.writableEnded) close();
    abort();
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls back once, at once when it has failed already. */
  onFailure(then: (error: Error) => void): void {
    this.#onFailure = then;
    if (this.#failure !== undefined) then(this.#failure);
  }

  /** Nothing more is written; only the first reason counts. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#onFailure(error);
    this.#wake();
  }

  /** @throws CodedError `cancelled` when the stream is gone, or what it failed with */
  async write(bytes: Buffer): Promise<void> {
    this.#throwIfFailed();
    if (this.#output.write(bytes)) return;
    await this.#woken(() => undefined);
  }

  /** Waits until everything was handed over. @throws as `write` */
  async flushed(): Promise<void> {
    this.#throwIfFailed();
    await this.#woken((wake) => this.#output.write("", wake));
  }

  /** Lets go of the stream. */
  leave(): void {
    this.#leave();
  }

  async #woken(begin: (wake: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      begin(resolve);
    });
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
