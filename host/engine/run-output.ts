import type { OutputSink } from "../../wire/live.ts";
import { STREAMS, type OutputEnd, type StreamName } from "../../wire/names.ts";
import type { Capture } from "../exec/capture.ts";
import { Tail } from "../exec/tail.ts";
import type { Masking } from "../redact/redaction.ts";
import type { StreamRedactor } from "../redact/redactor.ts";

/** Bytes of each stream that may leave; undefined is all. */
export type OutputLimits = Readonly<Record<StreamName, number | undefined>>;

/** What a program writes, on its way to everybody who wants it: masked, then cut at what its operation lets out, the same for all. */
export class RunOutput implements OutputSink {
  readonly #limits: OutputLimits;
  readonly #sinks: readonly OutputSink[];
  readonly #redactors: Readonly<Record<StreamName, StreamRedactor>>;
  readonly #written: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  /** What the masks left of it. */
  readonly #masked: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  readonly #kept: Readonly<Record<StreamName, Capture>> | undefined;
  /** Where only the end of a stream may leave, which is known when nothing more comes. */
  readonly #tails: Readonly<Record<StreamName, Tail | undefined>>;
  #ended = false;

  /**
   * @param kept gets what is not cut yet: it has caps of its own, and does not cut within a character
   * @param keep which end of a stream leaves when there is more of it than may
   */
  constructor(
    limits: OutputLimits,
    sinks: readonly OutputSink[],
    masking: Masking,
    kept: Readonly<Record<StreamName, Capture>> | undefined,
    keep: OutputEnd = "head",
  ) {
    const tailOf = (limit: number | undefined): Tail | undefined =>
      keep === "tail" && limit !== undefined ? new Tail(limit) : undefined;
    this.#tails = { stdout: tailOf(limits.stdout), stderr: tailOf(limits.stderr) };
    this.#kept = kept;
    this.#limits = limits;
    this.#sinks = sinks;
    this.#redactors = { stdout: masking.stream(), stderr: masking.stream() };
  }

  /** Places that were masked. */
  get redacted(): number {
    return this.#redactors.stdout.count + this.#redactors.stderr.count;
  }

  /** Bytes that the program wrote, let out or not. */
  total(stream: StreamName): number {
    return this.#written[stream];
  }

  /** True when there was more than may leave. */
  isCut(stream: StreamName): boolean {
    const limit = this.#limits[stream];
    return limit !== undefined && this.#masked[stream] > limit;
  }

  write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    if (this.#ended) return undefined;
    this.#written[stream] += bytes.length;
    return this.#hand(stream, this.#redactors[stream].write(bytes));
  }

  /** Lets out what was kept back until it was known not to be a secret. Nothing is taken any more. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // A few bytes behind everything else: who is slow need not be waited for.
    for (const stream of STREAMS) {
      void this.#hand(stream, this.#redactors[stream].end());
      const tail = this.#tails[stream]?.result();
      if (tail === undefined) continue;
      this.#kept?.[stream].take(tail);
      void this.#pass(stream, tail);
    }
  }

  #hand(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    const tail = this.#tails[stream];
    if (tail !== undefined) {
      this.#masked[stream] += bytes.length;
      tail.take(bytes);
      return undefined;
    }
    this.#kept?.[stream].take(bytes);
    const limit = this.#limits[stream];
    const room = limit === undefined ? bytes.length : Math.max(0, limit - this.#masked[stream]);
    this.#masked[stream] += bytes.length;
    return room === 0 ? undefined : this.#pass(stream, room < bytes.length ? bytes.subarray(0, room) : bytes);
  }

  #pass(stream: StreamName, part: Buffer): Promise<void> | undefined {
    let waiting: Promise<unknown> | undefined;
    for (const sink of this.#sinks) {
      const wait = sink.write(stream, part);
      if (wait !== undefined) waiting = waiting === undefined ? wait : Promise.all([waiting, wait]);
    }
    return waiting?.then(() => undefined);
  }
}
