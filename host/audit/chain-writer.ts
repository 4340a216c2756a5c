import { rmSync } from "node:fs";
import type { Blake3 } from "../util/hash.ts";
import { linkText, type Link } from "./chain.ts";
import { LogFile } from "./log-file.ts";
import { listLog, logName, sizeOf, syncDirectory, type LogName } from "./log-names.ts";
import { lastLink } from "./log-end.ts";
import { noteBody, sealedLine, unsealedLine, type Body, type Note } from "./record.ts";
import type { AuditSettings } from "./settings.ts";

type Bounds = Pick<AuditSettings, "sync" | "maxFileBytes" | "maxBytes" | "maxFiles">;

/** Appends records to the newest file of the log, one link after the other, and goes on to new files. Every method throws system errors. */
export class ChainWriter {
  readonly #directory: string;
  readonly #bounds: Bounds;
  readonly #hash: Blake3;
  readonly #now: () => string;
  #file: LogFile | undefined;
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
    last: Link,
    file: LogFile | undefined,
  ) {
    this.#directory = directory;
    this.#bounds = bounds;
    this.#hash = hash;
    this.#now = now;
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
  }

  /** Writes a record, or throws and has written nothing of it. Returns its line, without the line end. */
  append(body: Body): string {
    const unsealed = unsealedLine(this.#last, body);
    const { file, line, hash } = this.#placed(body, unsealed);
    file.append(line, this.#bounds.sync === "each");
    this.#last = { seq: this.#last.seq + 1, hash };
    if (this.#bounds.sync === "each") this.#synced = this.#last.seq;
    return line.toString("utf8", 0, line.length - 1);
  }

  note(note: Note, fields: Readonly<Record<string, unknown>>): string {
    return this.append(noteBody(note, this.#now(), fields));
  }

  #sealed(unsealed: string): { readonly line: Buffer; readonly hash: string } {
    const hash = this.#hash(Buffer.from(unsealed));
    return { line: Buffer.from(sealedLine(unsealed, hash)), hash };
  }

  /** The line and the file that has room for it. */
  #placed(body: Body, unsealed: string): { readonly file: LogFile; readonly line: Buffer; readonly hash: string } {
    const { line, hash } = this.#sealed(unsealed);
    const current = this.#file;
    if (current === undefined) return { file: this.#begin(), line, hash };
    if (current.size === 0 || current.size + line.length <= this.#bounds.maxFileBytes)
      return { file: current, line, hash };
    const file = this.#rotate(current);
    return { file, ...this.#sealed(unsealedLine(this.#last, body)) };
  }

  #begin(): LogFile {
    const file = LogFile.create(logName(this.#directory, this.#last.seq + 1).path);
    if (this.#bounds.sync !== "never") syncDirectory(this.#directory);
    return (this.#file = file);
  }

  /** The new file begins with where the old one ended; then the oldest go, behind a record that says where what is left begins. */
  #rotate(old: LogFile): LogFile {
    if (this.#bounds.sync !== "never") old.syncNow();
    const ended = this.#last;
    const file = this.#begin();
    old.close();
    this.note("rotated", { continues: linkText(ended) });
    this.#prune();
    return file;
  }

  #prune(): void {
    const gone = this.#surplus();
    const newest = gone.at(-1);
    if (newest === undefined) return;
    const end = lastLink(newest.path, this.#hash);
    this.note("pruned", { through: end === undefined ? undefined : linkText(end), files: gone.length });
    if (this.#bounds.sync !== "never") this.#file?.syncNow();
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
