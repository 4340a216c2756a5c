import type { OutputSink } from "../../wire/live.ts";
import type { StreamName } from "../../wire/names.ts";
import type { Completed, Failed } from "../../wire/outcome.ts";
import { endingOf, RunRecord } from "./run-record.ts";
import type { ActiveRun, RunAbout } from "./runs.ts";
import type { StreamLog } from "./stream-log.ts";

/** The engine's end of a run that goes on. */
export class LiveRun implements ActiveRun {
  readonly id: string;
  readonly record: RunRecord;
  readonly logs: Readonly<Record<StreamName, StreamLog>>;
  readonly output: OutputSink;
  readonly #controller = new AbortController();
  readonly #atEnd: (run: LiveRun) => void;
  readonly #now: () => number;
  #newest: StreamName = "stdout";

  constructor(
    about: RunAbout,
    order: number,
    logs: Readonly<Record<StreamName, StreamLog>>,
    now: () => number,
    atEnd: (run: LiveRun) => void,
  ) {
    this.id = about.id;
    this.logs = logs;
    this.#now = now;
    this.#atEnd = atEnd;
    this.record = new RunRecord({ about, order, startedMs: now() }, { ...logs });
    this.record.lastLine = () => this.#lastLine();
    this.record.stop = (reason) => {
      this.stop(reason);
    };
    this.output = { write: (stream, bytes): Promise<void> | undefined => this.#write(stream, bytes) };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(reason: "cancelled" | "shutting_down"): void {
    if (this.record.ending === undefined) this.#controller.abort(reason);
  }

  end(outcome: Completed | Failed): void {
    const { record } = this;
    if (record.ending !== undefined) return;
    this.logs.stdout.close();
    this.logs.stderr.close();
    record.ending = endingOf(outcome, this.#now(), this.#lastLine());
    // What a run needs while it goes on is not kept alive by what is known of it.
    record.lastLine = () => undefined;
    record.stop = () => undefined;
    this.#atEnd(this);
    record.changed.ring();
    record.ended.ring();
  }

  #write(stream: StreamName, bytes: Buffer): Promise<void> | undefined {
    if (bytes.length === 0) return undefined;
    this.#newest = stream;
    const later = this.logs[stream].write(bytes);
    if (this.record.changed.waiting > 0) this.record.changed.ring();
    return later;
  }

  #lastLine(): string | undefined {
    const other = this.#newest === "stdout" ? "stderr" : "stdout";
    return this.logs[this.#newest].lastLine ?? this.logs[other].lastLine;
  }
}
