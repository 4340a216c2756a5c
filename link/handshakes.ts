import type { Duplex } from "node:stream";
import { HANDSHAKE_MS, HANDSHAKE_PATIENCE_MS, MAX_HANDSHAKES, MAX_UNPROVED } from "./limits.ts";

export interface HandshakeBounds {
  /** Handshakes at the same time. */
  readonly active: number;
  /** Connections that have said nothing yet; and as many that have, and wait for their turn. */
  readonly waiting: number;
  /** From the first byte that was waited for to the hello, in milliseconds. */
  readonly limitMs: number;
  /** After so long a handshake is given up when others wait for its place. */
  readonly patienceMs: number;
}

const BOUNDS: HandshakeBounds = {
  active: MAX_HANDSHAKES,
  waiting: MAX_UNPROVED,
  limitMs: HANDSHAKE_MS,
  patienceMs: HANDSHAKE_PATIENCE_MS,
};

interface Waiter {
  readonly controller: AbortController;
  readonly go: () => void;
}

/**
 * Connections that have not yet proved anything. Whoever says nothing costs a socket and no more, and is given up for newer ones; whoever has said
 * something waits for its turn, so that a thousand machines that come back at the same time are served one after the other.
 */
export class Handshakes {
  readonly #bounds: HandshakeBounds;
  readonly #all = new Set<AbortController>();
  readonly #silent = new Set<AbortController>();
  readonly #waiting = new Set<Waiter>();
  /** With what they are given up when others wait: those that have taken too long already. */
  readonly #slow = new Set<AbortController>();
  #active = 0;
  #crowded = 0;

  constructor(bounds: Partial<HandshakeBounds> = {}) {
    this.#bounds = { ...BOUNDS, ...bounds };
  }

  /** How many were given up for others. */
  get crowded(): number {
    return this.#crowded;
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Does `work` when the connection has said something and it is its turn. The signal ends with the time, and when others need the place more. False when
   * it came to nothing before; the connection is closed then.
   */
  async during(connection: Duplex, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const controller = new AbortController();
    this.#all.add(controller);
    const timer = setTimeout(() => {
      controller.abort();
    }, this.#bounds.limitMs);
    try {
      const isThere = (await this.#spoken(connection, controller)) && (await this.#turn(controller));
      if (isThere) await this.#worked(controller, work);
      else connection.destroy();
      return isThere;
    } finally {
      clearTimeout(timer);
      this.#all.delete(controller);
    }
  }

  /** Gives all of them up. */
  close(): void {
    for (const controller of this.#all) controller.abort();
  }

  #giveUp(controller: AbortController | undefined): void {
    if (controller === undefined) return;
    this.#crowded++;
    controller.abort();
  }

  /** True when the first byte is there; it is left where it is. */
  async #spoken(connection: Duplex, controller: AbortController): Promise<boolean> {
    if (connection.readableLength > 0) return true;
    if (connection.destroyed || connection.readableEnded) return false;
    const [oldest] = this.#silent;
    if (this.#silent.size >= this.#bounds.waiting) this.#giveUp(oldest);
    this.#silent.add(controller);
    const { signal } = controller;
    return new Promise((resolve) => {
      const settle = (isThere: boolean): void => {
        this.#silent.delete(controller);
        connection.off("readable", spoken).off("close", gone);
        signal.removeEventListener("abort", gone);
        resolve(isThere);
      };
      const gone = (): void => {
        settle(false);
      };
      const spoken = (): void => {
        const bytes = connection.read() as Buffer | null;
        settle(bytes !== null);
        // Whoever reads next begins with it.
        if (bytes !== null) connection.unshift(bytes);
      };
      connection.on("readable", spoken).on("close", gone);
      signal.addEventListener("abort", gone, { once: true });
    });
  }

  /** True when it is its turn, false when it was given up before. */
  async #turn(controller: AbortController): Promise<boolean> {
    if (controller.signal.aborted) return false;
    if (this.#active < this.#bounds.active) {
      this.#active++;
      return true;
    }
    const [oldest] = this.#waiting;
    if (this.#waiting.size >= this.#bounds.waiting) this.#giveUp(oldest?.controller);
    const [slow] = this.#slow;
    return new Promise((resolve) => {
      const settle = (isTurn: boolean): void => {
        this.#waiting.delete(waiter);
        controller.signal.removeEventListener("abort", gone);
        resolve(isTurn);
      };
      const gone = (): void => {
        settle(false);
      };
      const waiter: Waiter = {
        controller,
        go: () => {
          settle(true);
        },
      };
      this.#waiting.add(waiter);
      controller.signal.addEventListener("abort", gone, { once: true });
      this.#giveUp(slow);
    });
  }

  async #worked(controller: AbortController, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const patience = setTimeout(() => {
      if (this.#waiting.size > 0) this.#giveUp(controller);
      else this.#slow.add(controller);
    }, this.#bounds.patienceMs);
    try {
      await work(controller.signal);
    } finally {
      clearTimeout(patience);
      this.#slow.delete(controller);
      const [next] = this.#waiting;
      // The place goes from hand to hand.
      if (next === undefined) this.#active--;
      else next.go();
    }
  }
}
