import { demand } from "./fault.ts";
import { MAX_UNACKNOWLEDGED_BYTES, MESSAGE_OVERHEAD_BYTES } from "./limits.ts";
import { numbered, ROOM_BYTES } from "./message.ts";

const MAX_SPARE = 32;

function weight(message: Buffer): number {
  return (
    Math.max(message.length, message.buffer.byteLength > 8_192 ? message.buffer.byteLength : 0) + MESSAGE_OVERHEAD_BYTES
  );
}

/** The messages that were sent and that the other side has not acknowledged, in order: what is sent again over a new connection. */
export class Outbox {
  #messages: Buffer[] = [];
  /** Messages at the front of the list that were acknowledged; taken out many at a time. */
  #gone = 0;
  #acknowledged = 0;
  #bytes = 0;
  /** Memory of large messages that were acknowledged, and so are in nobody's hands: making it anew costs more than filling it. */
  readonly #spare: ArrayBuffer[] = [];

  /** The number of the last message. */
  get sent(): number {
    return this.#acknowledged + this.#messages.length - this.#gone;
  }

  /** False when the other side should acknowledge something before more data is sent. */
  get hasRoom(): boolean {
    return this.#bytes < MAX_UNACKNOWLEDGED_BYTES;
  }

  /** Memory for a large message, `ROOM_BYTES`. */
  memory(): ArrayBuffer {
    return this.#spare.pop() ?? new ArrayBuffer(ROOM_BYTES);
  }

  /** Numbers and keeps a message; gives it back, to be sent. Throws `LinkFault` when the other side never acknowledges. */
  put(message: Buffer): Buffer {
    demand(this.#bytes < 2 * MAX_UNACKNOWLEDGED_BYTES, "it acknowledges nothing");
    numbered(message, this.sent + 1);
    this.#messages.push(message);
    this.#bytes += weight(message);
    return message;
  }

  /** Forgets all messages up to a number. Throws `LinkFault` for one that cannot be. */
  acknowledge(number: number): void {
    demand(number <= this.sent, "it acknowledges what was never sent");
    demand(number >= this.#acknowledged, "it takes back what it acknowledged");
    for (; this.#acknowledged < number; this.#acknowledged++) {
      const message = this.#messages[this.#gone++];
      if (message === undefined) continue;
      this.#bytes -= weight(message);
      const { buffer } = message;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === ROOM_BYTES && this.#spare.length < MAX_SPARE)
        this.#spare.push(buffer);
    }
    if (2 * this.#gone <= this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#gone);
    this.#gone = 0;
  }

  /** Whether there is an acknowledgement left to be made. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** All that was not acknowledged, in order. */
  get unacknowledged(): readonly Buffer[] {
    return this.#messages.slice(this.#gone);
  }
}
