import { rmSync } from "node:fs";
import type { Blake3 } from "../util/hash.ts";
import { linkText, type Link } from "./chain.ts";
import { LogFile } from "./log-file.ts";
import { listLog, logName, sizeOf, syncDirectory, type LogName } from "./log-names.ts";
import { lastLink } from "./log-end.ts";
import { noteBody, sealedLine, unsealedLine, type Body, type Note } from "./record.ts";
import type { AuditSettings } from "./settings.ts";

type Bounds = Pick<AuditSettings, "sync" | "maxFileBytes" | "maxBytes" | "maxFiles">;

/** What a file that was begun needs before it takes records. What could not be done is tried again before the next one. */
interface Owed {
  /** Its name is not known to be on the disk. */
  name: boolean;
  /** Where the file before it ended. */
  continues: Link | undefined;
  /** Files may be too many now. */
  pruning: boolean;
}

const NOTHING_OWED: Readonly<Owed> = { name: false, continues: undefined, pruning: false };

/** Who is told what becomes of the log. */
export interface LogWatcher {
  /** A line is in the log. It comes without its line end. */
  readonly written: (line: string) => void;
  /** Files are about to go: what names a record in them must name a later one now. Throws system errors. */
  readonly pruning: () => void;
}

/** A line with its line end, and the hash that it ends with. */
interface Sealed {
  readonly bytes: Buffer;
  readonly hash: string;
}

/** Appends records to the newest file of the log, one link after the other, and goes on to new files. Every method throws system errors. */
export class ChainWriter {
  readonly #directory: string;
  readonly #bounds: Bounds;
  readonly #hash: Blake3;
  readonly #now: () => string;
  readonly #watcher: LogWatcher;
  #file: LogFile | undefined;
  #owed: Owed = { ...NOTHING_OWED };
  #last: Link;
  /** The last record that is known to be on the disk. */
  #synced = 0;

  /**
   * @param last what the next record continues
   * @param file the newest file, when it is to be continued
   */
  constructor(
    directory: string,
    bounds: Bounds,
    hash: Blake3,
    now: () => string,
    { last, file }: { readonly last: Link; readonly file: LogFile | undefined },
    watcher: LogWatcher,
  ) {
    this.#directory = directory;
    this.#bounds = bounds;
    this.#hash = hash;
    this.#now = now;
    this.#watcher = watcher;
    this.#last = last;
    this.#file = file;
  }

  get last(): Link {
    return this.#last;
  }

  get synced(): number {
    return this.#synced;
  }

  /** @throws ChangedFile, system errors */
  check(): void {
    this.#file?.check();
  }

  /** Lets go of the file; the next record begins another one. */
  abandon(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#owed = { ...NOTHING_OWED };
  }

  /** Writes a record, or throws and has written nothing of it. */
  append(body: Body): void {
    const sealed = this.#sealed(body);
    const current = this.#file;
    const file = current !== undefined && this.#hasRoom(current, sealed) ? current : this.#begin();
    this.#write(file, this.#settle(file) ? this.#sealed(body) : sealed);
  }

  note(note: Note, fields: Readonly<Record<string, unknown>>): void {
    this.append(noteBody(note, this.#now(), fields));
  }

  #sealed(body: Body): Sealed {
    const unsealed = unsealedLine(this.#last, body);
    const hash = this.#hash(Buffer.from(unsealed));
    return { bytes: Buffer.from(sealedLine(unsealed, hash)), hash };
  }

  #hasRoom({ size }: LogFile, { bytes }: Sealed): boolean {
    return size === 0 || size + bytes.length <= this.#bounds.maxFileBytes;
  }

  #write(file: LogFile, { bytes, hash }: Sealed): void {
    const isSynced = this.#bounds.sync === "each";
    file.append(bytes, isSynced);
    this.#last = { seq: this.#last.seq + 1, hash };
    if (isSynced) this.#synced = this.#last.seq;
    this.#watcher.written(bytes.toString("utf8", 0, bytes.length - 1));
  }

  #begin(): LogFile {
    const old = this.#file;
    if (this.#bounds.sync !== "never") old?.syncNow();
    const file = LogFile.create(logName(this.#directory, this.#last.seq + 1).path);
    old?.close();
    this.#file = file;
    const follows = old !== undefined;
    this.#owed = { name: true, continues: follows ? this.#last : undefined, pruning: follows };
    return file;
  }

  /** The new file begins with where the old one ended; then the oldest go. Returns whether anything was written. */
  #settle(file: LogFile): boolean {
    const owed = this.#owed;
    const before = this.#last;
    if (owed.name && this.#bounds.sync !== "never") syncDirectory(this.#directory);
    owed.name = false;
    if (owed.continues !== undefined) this.#writeNote(file, "rotated", { continues: linkText(owed.continues) });
    owed.continues = undefined;
    const isPruning = owed.pruning;
    // When it fails, the next file prunes.
    owed.pruning = false;
    if (isPruning) this.#prune(file);
    return before !== this.#last;
  }

  /** Into this file, also when it is larger then than it should be. */
  #writeNote(file: LogFile, note: Note, fields: Readonly<Record<string, unknown>>): void {
    this.#write(file, this.#sealed(noteBody(note, this.#now(), fields)));
  }

  /** Behind a record that says where what is left begins. */
  #prune(file: LogFile): void {
    const gone = this.#surplus();
    const newest = gone.at(-1);
    if (newest === undefined) return;
    const end = lastLink(newest.path, this.#hash);
    this.#writeNote(file, "pruned", { through: end === undefined ? undefined : linkText(end), files: gone.length });
    if (this.#bounds.sync !== "never") file.syncNow();
    this.#watcher.pruning();
    for (const { path } of gone) rmSync(path, { force: true });
  }

  /** The oldest files that are too many, without the newest. */
  #surplus(): readonly LogName[] {
    const files = listLog(this.#directory);
    let bytes = 0;
    let kept = 0;
    for (const file of [...files].reverse()) {
      bytes += sizeOf(file) ?? 0;
      // Room for the file that is written now is counted as a whole.
      const whole = bytes + this.#bounds.maxFileBytes;
      if (kept > 0 && (kept >= this.#bounds.maxFiles || whole > this.#bounds.maxBytes)) break;
      kept++;
    }
    return files.slice(0, files.length - kept);
  }

  /** Waits for the disk beside everything else. */
  async sync(): Promise<void> {
    const { seq } = this.#last;
    await this.#file?.sync();
    this.#synced = Math.max(this.#synced, seq);
  }

  syncNow(): void {
    this.#file?.syncNow();
    this.#synced = this.#last.seq;
  }

  close(): void {
    this.abandon();
  }
}
