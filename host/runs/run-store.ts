import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { STREAMS, type StreamName } from "../../wire/names.ts";
import type { PageWanted } from "../../wire/request.ts";
import type { OutputPage, RunInfo } from "../../wire/schema.ts";
import { Catalog } from "./catalog.ts";
import { counted, earlierRuns, type EarlierRun } from "./earlier-runs.ts";
import { Jobs } from "./jobs.ts";
import { LiveRun } from "./live-run.ts";
import { readPage } from "./read-page.ts";
import { isRunId, isSessionKey, RunFiles } from "./run-files.ts";
import type { RunRecord } from "./run-record.ts";
import { RunSpace } from "./run-space.ts";
import type { ActiveRun, RunAbout, Runs, Viewer } from "./runs.ts";
import { encodeRun } from "./stored-run.ts";
import { StoredStream } from "./stored-stream.ts";
import { StreamLog } from "./stream-log.ts";

/** Bounds of what is kept. */
export interface RunSettings {
  /** Bytes on the disk, of all runs. */
  readonly maxBytes: number;
  /** Bytes from the beginning of one stream of one run. */
  readonly maxRunBytes: number;
  /** Milliseconds after the end of a run. */
  readonly maxAgeMs: number;
  /** Background runs of one session at the same time. */
  readonly maxBackground: number;
}

/** Work on the disk waits so long, for replies to go first. */
const DELAY_MS = 10;
/** Output of finished runs that waits for the disk; what comes beyond is lost. */
const MAX_UNWRITTEN = 67_108_864;

/** The runs of a daemon: those that go on in memory, with what is large on the disk; those that have ended on the disk. */
export class RunStore implements Runs {
  readonly #files: RunFiles;
  readonly #settings: () => RunSettings;
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  readonly #catalog = new Catalog();
  readonly #space: RunSpace;
  readonly #jobs: Jobs;
  readonly #active = new Set<RunRecord>();
  #order = 0;
  #unwritten = 0;
  /** True after something could not be written, until something can be. */
  #failing = false;

  constructor(
    root: string,
    settings: () => RunSettings,
    warn: (message: string) => void,
    now: () => number = Date.now,
  ) {
    this.#files = new RunFiles(root);
    this.#settings = settings;
    this.#warn = warn;
    this.#now = now;
    this.#space = new RunSpace(
      () => settings().maxBytes,
      () => this.#removeOldest(),
    );
    this.#jobs = new Jobs(DELAY_MS, (error) => {
      this.#cannotWrite(error);
    });
    this.#load();
  }

  /** How many runs go on. */
  get active(): number {
    return this.#active.size;
  }

  begin(about: RunAbout): ActiveRun {
    const { id, session, background } = about;
    if (!isRunId(id) || !isSessionKey(session)) throw new RangeError("id must be a UUID, session 64 hex digits");
    if (background) this.#checkBackground(session);
    const growsLarge = (): void => {
      if (!background) this.#note(run.record);
    };
    const logs = { stdout: this.#log(about, "stdout", growsLarge), stderr: this.#log(about, "stderr", growsLarge) };
    const run = new LiveRun(about, ++this.#order, logs, this.#now, (ended) => {
      this.#ended(ended);
    });
    this.#catalog.add(run.record);
    this.#active.add(run.record);
    for (let old = this.#catalog.surplus(session); old !== undefined; old = this.#catalog.surplus(session))
      this.#remove(old);
    // Whoever started it holds its id, and is to find it even if the daemon does not end well.
    if (background) this.#note(run.record);
    return run;
  }

  async status(viewer: Viewer, id: string, waitMs: number, signal: AbortSignal): Promise<RunInfo> {
    const record = this.#catalog.get(viewer, id);
    await record.recovered;
    if (record.ending === undefined) await record.ended.wait(waitMs, signal);
    return record.info(viewer, this.#now());
  }

  async read(
    viewer: Viewer,
    id: string,
    stream: StreamName,
    wanted: PageWanted,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<OutputPage> {
    return readPage(this.#catalog.get(viewer, id), stream, wanted, waitMs, signal);
  }

  cancel(viewer: Viewer, id: string): RunInfo {
    const record = this.#catalog.get(viewer, id);
    record.stop("cancelled");
    return record.info(viewer, this.#now());
  }

  list(viewer: Viewer): readonly RunInfo[] {
    const now = this.#now();
    return this.#catalog.list(viewer).map((record) => record.info(viewer, now));
  }

  /** Removes finished runs whose session is gone, that are too old, or that take too much space. */
  cleanUp(isSession: (key: string) => boolean): void {
    const oldest = this.#now() - this.#settings().maxAgeMs;
    const gone = new Set(this.#catalog.sessions().filter((key) => !isSession(key)));
    for (const record of [...this.#catalog.finished()])
      if (gone.has(record.about.session) || (record.ending?.endedMs ?? 0) < oldest) this.#remove(record);
    this.#space.shrink();
  }

  /** Ends the runs that go on although their session is gone. */
  endOrphans(isSession: (key: string) => boolean): void {
    for (const record of [...this.#active]) if (!isSession(record.about.session)) record.stop("cancelled");
  }

  /** Ends the runs of a session, and removes what is kept of it. */
  removeSession(key: string): void {
    for (const record of this.#catalog.ofSession(key)) {
      record.stop("cancelled");
      this.#remove(record);
    }
  }

  /** Aborts every run that goes on. */
  stopAll(reason: "cancelled" | "shutting_down"): void {
    for (const record of [...this.#active]) record.stop(reason);
  }

  /** Until everything about the runs that have ended is on the disk. */
  async settled(): Promise<void> {
    await this.#jobs.done();
  }

  #load(): void {
    const found = earlierRuns(this.#files, this.#warn);
    const endOf = ({ record }: EarlierRun): number => record.ending?.endedMs ?? 0;
    const byEnd = [...found].sort((a, b) => endOf(a) - endOf(b)); // stable: of one time in the order of beginning
    this.#order = found.at(-1)?.record.order ?? 0;
    for (const { record } of found) this.#catalog.add(record);
    for (const { record, interrupted } of byEnd) {
      this.#catalog.finish(record);
      this.#space.occupy(record.held);
      if (interrupted) this.#recover(record);
    }
  }

  /** Finds out what an earlier daemon had no time for. */
  #recover(record: RunRecord): void {
    record.recovered = new Promise((resolve) => {
      this.#jobs.push(record.about.id, async () => {
        for (const name of STREAMS) {
          const stream = record.streams[name];
          if (!(stream instanceof StoredStream) || record.removed) continue;
          const found = await counted(stream);
          if (found.lost) this.#space.give(stream.held);
          record.streams[name] = found;
        }
        record.recovered = undefined;
        resolve();
        await this.#writeAbout(record);
      });
    });
  }

  #checkBackground(session: string): void {
    const { maxBackground } = this.#settings();
    if (this.#catalog.activeInBackground(session) < maxBackground) return;
    throw new CodedError(
      "too_many_runs",
      `The session has ${maxBackground} background runs already, as many as it may have`,
    );
  }

  #log({ session, id }: RunAbout, stream: StreamName, growsLarge: () => void): StreamLog {
    return new StreamLog({
      path: this.#files.path(session, id, stream),
      maxBytes: this.#settings().maxRunBytes,
      space: this.#space,
      create: async () => this.#files.create(session, id, stream),
      growsLarge,
      failed: (error) => {
        this.#cannotWrite(error);
      },
    });
  }

  #ended(run: LiveRun): void {
    const { record, logs } = run;
    this.#active.delete(record);
    this.#catalog.finish(record);
    const waiting = logs.stdout.waiting + logs.stderr.waiting;
    if (this.#unwritten + waiting > MAX_UNWRITTEN) {
      this.#cannotWrite(new Error("the disk is too slow"));
      logs.stdout.discard();
      logs.stderr.discard();
    }
    this.#unwritten += waiting;
    this.#jobs.push(run.id, async () => {
      await this.#store(run);
      this.#unwritten -= waiting;
    });
  }

  async #store({ record, logs }: LiveRun): Promise<void> {
    for (const name of STREAMS) {
      const fields = await logs[name].finish();
      record.streams[name] = new StoredStream(fields, this.#files.path(record.about.session, record.about.id, name));
    }
    await this.#writeAbout(record);
  }

  /** Writes what is known of a run that has ended. */
  async #writeAbout(record: RunRecord): Promise<void> {
    const { session, id } = record.about;
    const { stdout, stderr } = record.streams;
    if (record.removed || !(stdout instanceof StoredStream) || !(stderr instanceof StoredStream)) {
      await this.#files.remove(session, id);
      return;
    }
    try {
      if (stdout.lost) await this.#files.removeStream(session, id, "stdout");
      if (stderr.lost) await this.#files.removeStream(session, id, "stderr");
      await this.#files.writeAbout(session, id, encodeRun(record, { stdout: stdout.fields, stderr: stderr.fields }));
      if (!stdout.lost && !stderr.lost) this.#failing = false;
    } catch (error) {
      this.#cannotWrite(error);
    }
  }

  /** Notes on the disk that a run goes on. */
  #note(record: RunRecord): void {
    this.#jobs.push(record.about.id, async () => {
      const { session, id } = record.about;
      if (record.ending === undefined && !record.removed) await this.#files.writeAbout(session, id, encodeRun(record));
    });
  }

  #remove(record: RunRecord): void {
    this.#catalog.remove(record);
    for (const name of STREAMS) {
      const stream = record.streams[name];
      if (stream instanceof StreamLog) stream.discard();
      else this.#space.give(stream.held);
    }
    const { session, id } = record.about;
    this.#jobs.push(id, async () => this.#files.remove(session, id));
  }

  #removeOldest(): boolean {
    const oldest = this.#catalog.oldestHolding();
    if (oldest !== undefined) this.#remove(oldest);
    return oldest !== undefined;
  }

  #cannotWrite(error: unknown): void {
    if (!this.#failing)
      this.#warn(`outputs of runs cannot be kept for now: ${errnoOf(error) ?? messageOf(error)}; the runs go on`);
    this.#failing = true;
  }
}
