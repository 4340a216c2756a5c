import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Capability } from "../rpc/capability.ts";
import { OUTPUT_RECEIVER, outputParams, STDERR, STDOUT } from "./schema.ts";

const CHUNK_BYTES = 65_536;
/** What may be on its way to a receiver that has not taken it. */
const WINDOW_CALLS = 16;
const WINDOW_BYTES = 1_048_576;

interface Piece {
  readonly stream: StreamName;
  readonly bytes: Buffer;
}

/** Sends output to a gateway's receiver, as much of it at a time as the receiver takes. */
export class OutputWindow implements OutputSink {
  readonly #receiver: Capability;
  readonly #onFailed: (error: unknown) => void;
  #pieces: Piece[] = [];
  #calls = 0;
  #bytes = 0;
  #isGone = false;
  #onChange: (() => void)[] = [];

  /** @param onFailed told once, when the receiver does not take output any more; what comes then is dropped */
  constructor(receiver: Capability, onFailed: (error: unknown) => void) {
    this.#receiver = receiver;
    this.#onFailed = onFailed;
  }

  get #isFull(): boolean {
    return this.#pieces.length > 0 || this.#calls >= WINDOW_CALLS || this.#bytes >= WINDOW_BYTES;
  }

  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    if (this.#isGone) return undefined;
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
      this.#pieces.push({ stream, bytes: bytes.subarray(at, at + CHUNK_BYTES) });
    this.#send();
    return this.#isFull ? this.#until(() => !this.#isFull) : undefined;
  }

  /** Nobody wants the output any more: it is dropped, and nothing waits for the receiver. */
  abandon(): void {
    this.#isGone = true;
    this.#pieces = [];
    this.#wake();
  }

  /** Resolves when everything was taken, or never will be. */
  async taken(): Promise<void> {
    await this.#until(() => this.#pieces.length === 0 && this.#calls === 0);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!this.#isGone && !holds())
      await new Promise<void>((resolve) => {
        this.#onChange.push(resolve);
      });
  }

  #send(): void {
    while (this.#calls < WINDOW_CALLS && this.#bytes < WINDOW_BYTES) {
      const piece = this.#pieces.shift();
      if (piece === undefined) return;
      void this.#deliver(piece);
    }
  }

  async #deliver({ stream, bytes }: Piece): Promise<void> {
    this.#calls++;
    this.#bytes += bytes.length;
    try {
      await this.#receiver.call({
        interfaceId: OUTPUT_RECEIVER.id,
        method: OUTPUT_RECEIVER.receive,
        params: outputParams(stream === "stdout" ? STDOUT : STDERR, bytes),
        read: () => undefined,
      }).results;
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#calls--;
      this.#bytes -= bytes.length;
      this.#send();
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }

  #fail(error: unknown): void {
    if (this.#isGone) return;
    this.abandon();
    this.#onFailed(error);
  }
}
