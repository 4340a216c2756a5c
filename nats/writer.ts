import type { Outflow } from "./outflow.ts";
import type { OutgoingCredit } from "./window.ts";

/** Calls back as `Writable` wants it. */
type Done = (error?: Error | null) => void;

/** Sends a message of data; `isHeld` when more waits for credit. False when it could not. */
type SendData = (bytes: Buffer, isHeld: boolean) => boolean;

interface Writing {
  readonly bytes: Buffer;
  readonly done: Done;
  at: number;
}

/** The writing half of a connection: cuts what is written into messages, as fast as the other end and our server take them. */
export class Writer {
  readonly #outflow: Outflow;
  readonly #credit: OutgoingCredit;
  readonly #send: SendData;
  #writing: Writing | undefined;
  #awaitsRoom = false;
  #stopped: Error | undefined;

  constructor(outflow: Outflow, credit: OutgoingCredit, send: SendData) {
    this.#outflow = outflow;
    this.#credit = credit;
    this.#send = send;
  }

  /** One at a time. */
  write(bytes: Buffer, done: Done): void {
    this.#writing = { bytes, done, at: 0 };
    this.#go();
  }

  /** The other end gives more. False when it takes back what it gave. */
  extend(total: number): boolean {
    if (!this.#credit.extend(total)) return false;
    this.#go();
    return true;
  }

  /** What is being written, and all that would be, fails. */
  stop(error: Error): void {
    this.#stopped = error;
    this.#go();
  }

  #go(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    const { bytes } = writing;
    while (this.#stopped === undefined && writing.at < bytes.length) {
      if (this.#outflow.isFull) {
        this.#awaitRoom();
        return;
      }
      const length = this.#credit.next(bytes.length - writing.at);
      if (length === 0) return;
      this.#credit.spend(length);
      const end = writing.at + length;
      const isHeld = end < bytes.length && this.#credit.next(bytes.length - end) === 0;
      if (!this.#send(bytes.subarray(writing.at, end), isHeld)) return;
      writing.at = end;
    }
    this.#writing = undefined;
    writing.done(this.#stopped ?? null);
  }

  #awaitRoom(): void {
    if (this.#awaitsRoom) return;
    this.#awaitsRoom = true;
    this.#outflow.onRoom(() => {
      this.#awaitsRoom = false;
      this.#go();
    });
  }
}
