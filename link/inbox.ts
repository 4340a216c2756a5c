import { demand } from "./fault.ts";
import { ACKNOWLEDGE_BYTES, ACKNOWLEDGE_MESSAGES } from "./limits.ts";
import { MESSAGE, numberMessage, type Message } from "./message.ts";

/** How many messages that count have come, and how many of them the other side knows to have come. */
export class Inbox {
  #received = 0;
  #owedMessages = 0;
  #owedBytes = 0;

  /** The number of the last message. */
  get received(): number {
    return this.#received;
  }

  /** True when there is something that was not acknowledged. */
  get owes(): boolean {
    return this.#owedMessages > 0;
  }

  /** True when that is so much that it should be. */
  get owesMuch(): boolean {
    return this.#owedMessages >= ACKNOWLEDGE_MESSAGES || this.#owedBytes >= ACKNOWLEDGE_BYTES;
  }

  /** Takes a message; throws `LinkFault` when it is not the next one. */
  take({ sequence, length }: Message): void {
    demand(sequence === (this.#received + 1) % 0x1_0000_0000, "a gap in the numbers of messages");
    this.#received++;
    this.#owedMessages++;
    this.#owedBytes += length;
  }

  /** What tells the other side; it owes nothing from here on. */
  acknowledgement(): Buffer {
    this.settle();
    return numberMessage(MESSAGE.acknowledge, this.#received);
  }

  /** The other side was told otherwise. */
  settle(): void {
    this.#owedMessages = 0;
    this.#owedBytes = 0;
  }
}
