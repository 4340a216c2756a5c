import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { fastBlake3 } from "../util/hash.ts";
import type { Audit, Decision, Ending } from "./audit.ts";
import { ChainWriter } from "./chain-writer.ts";
import { HeadFile, readHead } from "./head.ts";
import { ChangedFile } from "./log-file.ts";
import { openLog, type Finding, type Opening } from "./opening.ts";
import { decisionBody, NOTES, outcomeBody, type Body, type Note, type Subject } from "./record.ts";
import type { AuditSettings } from "./settings.ts";
import { makeSigningKey, readSigningKey } from "./signing-key.ts";
import type { Sinks } from "./sinks.ts";

/** How long a record may be without a signed head, and without being forced to the disk (`batch`). */
const HEAD_AFTER_MS = 50;
const SYNC_AFTER_MS = 1_000;
/** A clock that goes back by less than this is only being set right. */
const CLOCK_SLACK_MS = 1_000;
/** Endings that wait until they can be written, and decisions that wait for their ending. */
const MAX_WAITING = 10_000;

/** What the audit tells the daemon's own log. */
export interface AuditVoice {
  warn(event: string, fields?: Readonly<Record<string, string | number | undefined>>): void;
  error(event: string, fields?: Readonly<Record<string, string | number | undefined>>): void;
}

export interface AuditParts {
  readonly directory: string;
  readonly settings: AuditSettings;
  readonly version: string;
  readonly voice: AuditVoice;
  readonly sinks: Sinks;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Why nothing can be written, since when, and what was not. */
interface Trouble {
  readonly since: number;
  readonly reason: string;
  refused: number;
  /** Denials that are not in the log. */
  denials: number;
  /** The file is somebody else's now. */
  isGap: boolean;
}

/** The tamper-evident record of decisions and endings: JSON Lines in a hash chain, with a signed head outside of it. */
export class AuditLog implements Audit {
  readonly #parts: AuditParts;
  readonly #writer: ChainWriter;
  readonly #head: HeadFile;
  /** Operations that go on, by the id of their decision. */
  readonly #open = new Map<string, Subject>();
  #late: Ending[] = [];
  #trouble: Trouble | undefined;
  #isClosed = false;
  #lastTime: number;
  /** The number of the last note that a receiver misses records. */
  #lastDropped = 0;
  #headTimer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(parts: AuditParts, writer: ChainWriter, head: HeadFile, lastTime: number) {
    this.#parts = parts;
    this.#writer = writer;
    this.#head = head;
    this.#lastTime = lastTime;
  }

  /**
   * Opens the log of a directory, repairs its end, and notes what was found. A disk that takes nothing does not keep it from opening.
   * @throws CodedError `audit_unavailable`, `config_untrusted`, `file_failed` when the log or its key cannot be read
   */
  static async open(parts: AuditParts): Promise<AuditLog> {
    const { directory, settings, now } = parts;
    const hash = await fastBlake3();
    const key = readSigningKey(settings.keyFile) ?? makeSigningKey(settings.keyFile);
    const found = readHead(settings.headFile);
    let opening: Opening;
    try {
      opening = openLog(directory, found, key.publicKey, hash);
    } catch (error) {
      if (error instanceof CodedError || errnoOf(error) === undefined) throw error;
      throw new CodedError("audit_unavailable", `the audit cannot be opened: ${printable(messageOf(error))}`, {
        hint: `Look at ${printable(directory)}: each file of the log must be a regular file that you can write.`,
        cause: error,
      });
    }
    const time = (): string => new Date(now()).toISOString();
    const head = new HeadFile(settings.headFile, key, found.head?.turn ?? 0);
    const writer: ChainWriter = new ChainWriter(directory, settings, hash, time, opening, {
      written: (line) => {
        parts.sinks.send(line);
      },
      pruning: () => {
        head.write(writer.last, writer.synced, time(), settings.sync !== "never");
      },
    });
    const log = new AuditLog(parts, writer, head, Date.parse(opening.lastTime));
    log.#begin(opening.findings, key.publicKey);
    return log;
  }

  decided(decision: Decision): void {
    const { id, verdict, code, route, project, operation, origin } = decision;
    // What was refused for the audit's sake was counted then.
    this.#write(code === "audit_unavailable" ? undefined : verdict, () =>
      decisionBody(decision, this.#time(), this.#parts.settings.argv),
    );
    if (verdict === "deny" || (route !== "mcp" && route !== "raw_argv" && route !== "mcp_session")) return;
    this.#open.set(id, { project, operation, session: origin.session });
    if (this.#open.size > MAX_WAITING) this.#open.delete(this.#open.keys().next().value ?? "");
  }

  ended(ending: Ending): void {
    try {
      this.#ready();
      this.#writeEnding(ending);
    } catch (error) {
      this.#fail(error);
      if (this.#late.length < MAX_WAITING) this.#late.push(ending);
    }
  }

  /** Puts a note into the log, when it can be written. */
  note(note: Note, fields: Readonly<Record<string, unknown>>): void {
    try {
      this.#ready();
      this.#noted(note, fields);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes what is waiting, the last head, and lets go of everything. */
  async close(): Promise<void> {
    clearTimeout(this.#headTimer);
    clearTimeout(this.#syncTimer);
    this.note("stopped", {});
    await this.#parts.sinks.close();
    // Behind the last record: what is missing where copies went is known only now.
    this.#noteDropped();
    clearTimeout(this.#headTimer);
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    const isDurable = this.#parts.settings.sync !== "never";
    try {
      if (isDurable) this.#writer.syncNow();
      this.#writeHead(isDurable);
    } catch (error) {
      this.#fail(error);
    }
    this.#writer.close();
    this.#isClosed = true;
  }

  #begin(findings: readonly Finding[], publicKey: string): void {
    for (const { note, fields } of findings) {
      this.#parts.voice.warn(`audit: ${NOTES[note].about}`, { note, ...flat(fields) });
      this.note(note, fields);
    }
    const { version, settings } = this.#parts;
    this.note("started", { version, pid: process.pid, sync: settings.sync, argv: settings.argv, key: publicKey });
    try {
      this.#writeHead(settings.sync !== "never");
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @throws CodedError `audit_unavailable`; then nothing of the record is in the log */
  #write(counted: Decision["verdict"] | undefined, body: () => Body): void {
    try {
      this.#ready();
      this.#put(body());
    } catch (error) {
      const trouble = this.#fail(error);
      if (counted === "deny") trouble.denials++;
      if (counted === "permit") trouble.refused++;
      throw unavailable(error);
    }
  }

  #writeEnding(ending: Ending): void {
    this.#put(outcomeBody(ending, this.#time(), this.#open.get(ending.id) ?? {}));
    this.#open.delete(ending.id);
  }

  #noted(note: Note, fields: Readonly<Record<string, unknown>>): void {
    this.#writer.note(note, fields);
    this.#schedule();
  }

  #put(body: Body): void {
    this.#writer.append(body);
    this.#schedule();
  }

  /** Throws when nothing can be written, and puts right what can be. */
  #ready(): void {
    if (this.#isClosed) throw new Error("the audit is closed");
    this.#writer.check();
    if (this.#trouble !== undefined) this.#recover(this.#trouble);
    const now = this.#parts.now();
    const last = this.#lastTime;
    if (now < last - CLOCK_SLACK_MS)
      this.#noted("clock_back", { from: new Date(last).toISOString(), to: new Date(now).toISOString() });
    this.#lastTime = now;
  }

  #recover(trouble: Trouble): void {
    const { since, reason, refused, denials, isGap } = trouble;
    // First what leaves nothing behind when it fails again.
    this.#writeHead(false);
    if (isGap) {
      this.#noted("gap", { reason });
      trouble.isGap = false;
    }
    this.#noted("interrupted", { since: new Date(since).toISOString(), reason, refused, denials_missing: denials });
    for (;;) {
      const [ending] = this.#late;
      if (ending === undefined) break;
      this.#writeEnding(ending);
      this.#late.shift();
    }
    this.#trouble = undefined;
    this.#parts.voice.warn("the audit can be written again", { refused });
  }

  #fail(error: unknown): Trouble {
    const isGap = error instanceof ChangedFile;
    // Nothing more goes into a file that is not ours any more.
    if (isGap) this.#writer.abandon();
    if (this.#trouble !== undefined) {
      this.#trouble.isGap ||= isGap;
      return this.#trouble;
    }
    const reason = reasonOf(error);
    this.#parts.voice.error("the audit cannot be written: nothing runs until it can", { reason });
    return (this.#trouble = { since: this.#parts.now(), reason, refused: 0, denials: 0, isGap });
  }

  #time(): string {
    return new Date(this.#parts.now()).toISOString();
  }

  #schedule(): void {
    this.#headTimer ??= setTimeout(() => {
      this.#headTimer = undefined;
      try {
        this.#writeHead(false);
      } catch (error) {
        this.#fail(error);
      }
    }, HEAD_AFTER_MS).unref();
    if (this.#parts.settings.sync !== "batch") return;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      this.#syncing = this.#sync().catch((error: unknown) => {
        this.#fail(error);
      });
      this.#noteDropped();
    }, SYNC_AFTER_MS).unref();
  }

  async #sync(): Promise<void> {
    await this.#writer.sync();
    this.#writeHead(false);
    await this.#head.sync();
  }

  #noteDropped(): void {
    // A receiver that is gone misses the note about it, too: that alone is no reason for the next one.
    if (this.#writer.last.seq === this.#lastDropped) return;
    for (const [sink, count] of this.#parts.sinks.takeDropped(this.#parts.now())) {
      this.note("sink_dropped", { sink, records: count });
      this.#lastDropped = this.#writer.last.seq;
    }
  }

  #writeHead(sync: boolean): void {
    this.#head.write(this.#writer.last, this.#writer.synced, this.#time(), sync);
  }
}

function reasonOf(error: unknown): string {
  return errnoOf(error) ?? messageOf(error);
}

function unavailable(error: unknown): CodedError {
  // Agents read this: the reason, which may name places of this host, is in the daemon's log.
  return new CodedError("audit_unavailable", "the audit cannot be written, so nothing runs", { cause: error });
}

/** For a line of the daemon's log. */
function flat(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === "string" || typeof value === "number" ? [[name, value]] : [],
    ),
  );
}
