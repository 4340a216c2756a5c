/** Bounds on what clients can hold of the daemon: requests in flight, open connections, delayed answers. */

/** Counts requests that are worked on. */
export class Slots {
  #used = 0;
  max: number;

  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.#used;
  }

  get full(): boolean {
    return this.#used >= this.max;
  }

  /** Takes a slot; false when none is free. */
  take(): boolean {
    if (this.full) return false;
    this.#used++;
    return true;
  }

  release(): void {
    this.#used--;
  }
}

/** A connection as far as the limits are concerned. */
export interface Limited {
  readonly peerId: string;
  /** Closes it without an answer. */
  drop(): void;
}

/**
 * Bounds open connections, in all and per peer. When one too many comes, the one that has been waiting longest without having sent its
 * request is closed: a client that speaks at once always gets in, however many idle connections somebody holds.
 */
export class ConnectionLimits {
  readonly #open = new Map<Limited, { idle: boolean }>();
  readonly #perPeer = new Map<string, number>();
  maxTotal: number;
  maxPerPeer: number;

  constructor(maxTotal: number, maxPerPeer: number) {
    this.maxTotal = maxTotal;
    this.maxPerPeer = maxPerPeer;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Admits a connection, which is idle until `busy`; false when every place is taken by a connection that is worked on. */
  admit(connection: Limited): boolean {
    const { peerId } = connection;
    if (this.#count(peerId) >= this.maxPerPeer && !this.#evict(peerId)) return false;
    if (this.#open.size >= this.maxTotal && !this.#evict(undefined)) return false;
    this.#open.set(connection, { idle: true });
    this.#perPeer.set(peerId, this.#count(peerId) + 1);
    return true;
  }

  /** Its request is complete: it is no longer closed in favour of others. */
  busy(connection: Limited): void {
    const state = this.#open.get(connection);
    if (state !== undefined) state.idle = false;
  }

  /** Its request has been dealt with: it may be closed in favour of others again. */
  idle(connection: Limited): void {
    if (this.#open.delete(connection)) this.#open.set(connection, { idle: true });
  }

  leave(connection: Limited): void {
    if (!this.#open.delete(connection)) return;
    const count = this.#count(connection.peerId) - 1;
    if (count > 0) this.#perPeer.set(connection.peerId, count);
    else this.#perPeer.delete(connection.peerId);
  }

  /** Closes every connection that has not sent its request. */
  dropIdle(): void {
    for (const [connection, { idle }] of this.#open) if (idle) connection.drop();
  }

  #count(peerId: string): number {
    return this.#perPeer.get(peerId) ?? 0;
  }

  #evict(peerId: string | undefined): boolean {
    for (const [connection, { idle }] of this.#open) {
      if (!idle || (peerId !== undefined && connection.peerId !== peerId)) continue;
      connection.drop();
      this.leave(connection);
      return true;
    }
    return false;
  }
}

/**
 * Where failed authentications wait before they are answered. A few wait at the same time, some more queue behind them, and the rest is closed unanswered:
 * guessing in parallel is no faster, and never takes a place of a valid client.
 */
export class PenaltyRoom {
  readonly #delayMs: number;
  readonly #places: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  constructor(delayMs: number, places: number, maxWaiting: number) {
    this.#delayMs = delayMs;
    this.#places = places;
    this.#maxWaiting = maxWaiting;
  }

  /** Resolves true after the delay, or false at once when there is no place left to wait. */
  async serve(): Promise<boolean> {
    if (this.#used >= this.#places) {
      if (this.#waiting.length >= this.#maxWaiting) return false;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#used++;
    await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    this.#used--;
    this.#waiting.shift()?.();
    return true;
  }
}
