import type { Sink } from "./sinks.ts";

/** Bytes that wait for the receiver; records that would make it more are dropped. */
const MAX_WAITING = 1_048_576;

/** A receiver that is not there yet. Until it is, records wait. */
export class LaterSink implements Sink {
  readonly name: string;
  #sink: Sink | undefined;
  #lines: string[] = [];
  #waiting = 0;
  #dropped = 0;
  #isClosed = false;

  /** @param sink when it never comes (a rejection), the records are dropped */
  constructor(name: string, sink: Promise<Sink>) {
    this.name = name;
    sink.then(
      (found) => {
        this.#take(found);
      },
      () => {
        this.#giveUp();
      },
    );
  }

  send(line: string): void {
    if (this.#sink !== undefined) {
      this.#sink.send(line);
      return;
    }
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#isClosed || this.#waiting + bytes > MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting += bytes;
    this.#lines.push(line);
  }

  takeDropped(): number {
    const dropped = this.#dropped + (this.#sink?.takeDropped() ?? 0);
    this.#dropped = 0;
    return dropped;
  }

  async close(): Promise<void> {
    this.#giveUp();
    await this.#sink?.close();
  }

  #take(sink: Sink): void {
    if (this.#isClosed) {
      sink.close().catch(() => undefined);
      return;
    }
    this.#sink = sink;
    for (const line of this.#lines) sink.send(line);
    this.#lines = [];
  }

  #giveUp(): void {
    this.#isClosed = true;
    this.#dropped += this.#lines.length;
    this.#lines = [];
  }
}
