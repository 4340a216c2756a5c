import { randomBytes } from "node:crypto";
import { cancelled } from "../wire/client-connect.ts";
import type { CodedError } from "../wire/errors.ts";
import type { Carrier } from "./carrier.ts";
import { demand } from "./fault.ts";
import { MAX_PINGS } from "./limits.ts";
import { HEADER_BYTES, MESSAGE, messageRoom, payloadOf, type Message } from "./message.ts";

interface Waiting {
  sentAt: number;
  readonly token: Buffer;
  readonly resolve: (ms: number) => void;
  readonly reject: (error: CodedError) => void;
}

/** What is asked when only the carrier wants to know whether somebody is there. */
const NOBODY = Buffer.alloc(8);

function message(type: typeof MESSAGE.ping | typeof MESSAGE.pong, token: Buffer): Buffer {
  const bytes = messageRoom(type, token.length);
  token.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** Signs of life: asks after a third of the lease without a word, gives a carrier up after two thirds. */
export class Pulse {
  readonly #leaseMs: number;
  readonly #waiting = new Map<string, Waiting>();
  #carrier: Carrier | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #asked = 0;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Watches a carrier, and asks again there what was not answered. `acknowledge` is called with every look. */
  start(carrier: Carrier, { acknowledge }: { readonly acknowledge: () => void }): void {
    clearInterval(this.#timer);
    this.#carrier = carrier;
    this.#tickedAt = performance.now();
    this.#asked = 0;
    for (const { token } of this.#waiting.values()) carrier.send(message(MESSAGE.ping, token));
    this.#timer = setInterval(() => {
      this.#tick(carrier, acknowledge);
    }, this.#leaseMs / 6);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#carrier = undefined;
  }

  /** Nobody will answer any more. */
  end(error: CodedError): void {
    this.stop();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Milliseconds to the other side and back; over a new carrier, if this one is lost meanwhile. @throws CodedError `cancelled`, and what ends the session */
  async ping(signal: AbortSignal | undefined): Promise<number> {
    if (signal?.aborted === true) throw cancelled();
    const token = randomBytes(8);
    const key = token.toString("hex");
    let cancel: (() => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        cancel = () => {
          reject(cancelled());
        };
        signal?.addEventListener("abort", cancel, { once: true });
        this.#waiting.set(key, { sentAt: performance.now(), token, resolve, reject });
        this.#carrier?.send(message(MESSAGE.ping, token));
      });
    } finally {
      this.#waiting.delete(key);
      if (cancel !== undefined) signal?.removeEventListener("abort", cancel);
    }
  }

  /** A question or an answer. Throws `LinkFault`. */
  message(said: Message): void {
    const token = payloadOf(said);
    if (said.type === MESSAGE.ping) {
      demand(++this.#asked <= MAX_PINGS, "more pings than anybody needs");
      // Whoever asks and does not read gets no answer.
      if (this.#carrier?.hasRoom === true) this.#carrier.send(message(MESSAGE.pong, token));
      return;
    }
    const waiting = this.#waiting.get(token.toString("hex"));
    if (waiting === undefined) return;
    waiting.resolve(performance.now() - waiting.sentAt);
  }

  #tick(carrier: Carrier, acknowledge: () => void): void {
    const now = performance.now();
    // This process did not run for a while; what came meanwhile is read after this.
    if (now - this.#tickedAt > this.#leaseMs / 2) carrier.pardon();
    this.#tickedAt = now;
    this.#asked = 0;
    acknowledge();
    const silence = now - carrier.heardAt;
    if (silence >= (2 * this.#leaseMs) / 3) carrier.drop("nothing was heard for too long");
    else if (silence >= this.#leaseMs / 3) carrier.send(message(MESSAGE.ping, NOBODY));
  }
}
