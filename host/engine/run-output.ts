import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";

/** Bytes of each stream that may leave; undefined is all. */
export type OutputLimits = Readonly<Record<StreamName, number | undefined>>;

/** What a program writes, on its way to everybody who wants it: cut at what its operation lets out, the same for all. */
export class RunOutput implements OutputSink {
  readonly #limits: OutputLimits;
  readonly #sinks: readonly OutputSink[];
  readonly #written: Record<StreamName, number> = { stdout: 0, stderr: 0 };

  constructor(limits: OutputLimits, sinks: readonly OutputSink[]) {
    this.#limits = limits;
    this.#sinks = sinks;
  }

  /** Bytes that the program wrote, let out or not. */
  total(stream: StreamName): number {
    return this.#written[stream];
  }

  /** True when more was written than may leave. */
  isCut(stream: StreamName): boolean {
    const limit = this.#limits[stream];
    return limit !== undefined && this.#written[stream] > limit;
  }

  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    const limit = this.#limits[stream];
    const room = limit === undefined ? bytes.length : Math.max(0, limit - this.#written[stream]);
    this.#written[stream] += bytes.length;
    if (room === 0) return undefined;
    const part = room < bytes.length ? bytes.subarray(0, room) : bytes;
    let waiting: Promise<unknown> | undefined;
    for (const sink of this.#sinks) {
      const wait = sink.write(stream, part);
      if (wait !== undefined) waiting = waiting === undefined ? wait : Promise.all([waiting, wait]);
    }
    return waiting?.then(() => undefined);
  }
}
