import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { RunRecord } from "./run-record.ts";
import type { Viewer } from "./runs.ts";

const MAX_PER_SESSION = 1_000;
const MAX_IN_ALL = 10_000;
/** Runs in one list: more would not fit into a reply. */
const MAX_LISTED = 1_000;

/** Which runs there are, and who may see them. */
export class Catalog {
  /** In the order in which they began. */
  readonly #all = new Map<string, RunRecord>();
  readonly #sessions = new Map<string, Map<string, RunRecord>>();
  /** In the order in which they ended. */
  readonly #finished = new Set<RunRecord>();

  /** The runs that have to go for this one to be kept are left to the caller. */
  add(record: RunRecord): void {
    const { id, session } = record.about;
    if (this.#all.has(id)) throw new RangeError("id must be that of a new run");
    this.#all.set(id, record);
    const own = this.#sessions.get(session);
    if (own === undefined) this.#sessions.set(session, new Map([[id, record]]));
    else own.set(id, record);
  }

  /** The run has ended. */
  finish(record: RunRecord): void {
    if (!record.removed) this.#finished.add(record);
  }

  remove(record: RunRecord): void {
    const { id, session } = record.about;
    record.removed = true;
    this.#all.delete(id);
    this.#finished.delete(record);
    const own = this.#sessions.get(session);
    own?.delete(id);
    if (own?.size === 0) this.#sessions.delete(session);
  }

  /** @throws CodedError `run_unknown`, the same for runs of others as for runs that do not exist */
  get(viewer: Viewer, id: string): RunRecord {
    const record = (viewer.kind === "owner" ? this.#all : this.#sessions.get(viewer.key))?.get(id);
    if (record === undefined) throw new CodedError("run_unknown", `No such run: ${quoted(shortened(id, 64))}`);
    return record;
  }

  /** Newest first, at most 1,000; those that go on are among them in any case. */
  list(viewer: Viewer): readonly RunRecord[] {
    const records = viewer.kind === "owner" ? this.#all : this.#sessions.get(viewer.key);
    const all = [...(records?.values() ?? [])];
    const older = all.slice(0, -MAX_LISTED).filter(({ ending }) => ending === undefined);
    return [...older, ...all.slice(Math.min(0, older.length - MAX_LISTED))].reverse();
  }

  activeInBackground(session: string): number {
    const own = this.ofSession(session);
    return own.filter(({ about, ending }) => about.background && ending === undefined).length;
  }

  sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  ofSession(session: string): readonly RunRecord[] {
    return [...(this.#sessions.get(session)?.values() ?? [])];
  }

  /** Finished runs, the one that ended first at the beginning. */
  finished(): Iterable<RunRecord> {
    return this.#finished;
  }

  /** The finished run that ended first, among those that take space. */
  oldestHolding(): RunRecord | undefined {
    for (const record of this.#finished) if (record.held > 0) return record;
    return undefined;
  }

  /** A finished run that has to go because there are too many. */
  surplus(session: string): RunRecord | undefined {
    if (this.#all.size > MAX_IN_ALL) {
      const [oldest] = this.#finished;
      return oldest;
    }
    const own = this.#sessions.get(session);
    if (own === undefined || own.size <= MAX_PER_SESSION) return undefined;
    for (const record of own.values()) if (record.ending !== undefined) return record;
    return undefined;
  }
}
