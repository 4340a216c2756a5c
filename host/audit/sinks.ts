/** Gets a copy of every record. */
export interface Sink {
  readonly name: string;
  /** Takes a record's line, or drops it: never waits and never throws. */
  send(line: string): void;
  /** How many records were not delivered since the last time that this was asked. */
  takeDropped(): number;
  /** Delivers what it has within a second or two, or gives up. */
  close(): Promise<void>;
}

/** How often the log notes at most that a receiver misses records. */
const NOTE_EVERY_MS = 60_000;

/** All receivers of copies. */
export class Sinks {
  readonly #sinks: readonly Sink[];
  #closed = false;
  #noted = Number.NEGATIVE_INFINITY;

  constructor(sinks: readonly Sink[]) {
    this.#sinks = sinks;
  }

  send(line: string): void {
    if (this.#closed) return;
    for (const sink of this.#sinks) sink.send(line);
  }

  /** What each receiver missed, when that is to be noted now. */
  takeDropped(now: number): readonly (readonly [sink: string, count: number])[] {
    if (this.#sinks.length === 0 || (!this.#closed && Math.abs(now - this.#noted) < NOTE_EVERY_MS)) return [];
    const missed = this.#sinks.map((sink) => [sink.name, sink.takeDropped()] as const).filter(([, count]) => count > 0);
    if (missed.length > 0) this.#noted = now;
    return missed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#sinks.map(async (sink) => sink.close()));
  }
}
