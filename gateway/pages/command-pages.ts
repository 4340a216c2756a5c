import { randomBytes } from "node:crypto";
import { CodedError } from "../../wire/errors.ts";
import type { AdmittedShell, Caller } from "../calls.ts";
import { HeldCommand, type CommandWatch, type GivenUpFor } from "./held-command.ts";
import { heldBytes } from "./held-output.ts";
import { PageRoom } from "./page-room.ts";
import type { Page, PageSettings, PageWait } from "./page.ts";

const TOKEN_BYTES = 16;
/** What pages that may be given again take at most, of commands that were read to their end, in bytes. */
const READ_BYTES = 16_777_216;

/** A command that was started. */
export interface OpenedCommand {
  /**
   * The first page, once. Whoever goes away before it was made has no token to go on with, so the command is ended then.
   * @throws CodedError `cancelled` when `signal` aborts first
   */
  first(wait: PageWait, signal: AbortSignal): Promise<Page>;
}

/** A command of a caller, and where its caller is with reading it. */
interface Reading {
  readonly caller: string;
  readonly command: HeldCommand;
  /** The token of the next page. Undefined before the first one was given, and behind the last one. */
  token: string | undefined;
  /** The page that was given last, and the token that it was given for. */
  last: { readonly token: string; readonly page: Page } | undefined;
  isAsked: boolean;
  /** What it takes of the room, in bytes; 0 when it was given back. */
  bytes: number;
  timer: NodeJS.Timeout | undefined;
}

/** Whether a page that was given before may be given again: when its answer may have been lost on the way. */
export interface Again {
  readonly again: boolean;
}

function unknownPage(): CodedError {
  return new CodedError("page_unknown", "invalid or expired page token");
}

/**
 * The commands of all callers whose output is fetched page by page. A token is good for one page and belongs to its caller. A command that nobody asks
 * about for a while is ended, so nothing runs on for nobody.
 */
export class CommandPages {
  /** May be replaced at any time; commands that run keep the size of their pages. */
  settings: PageSettings;
  readonly #readings = new Set<Reading>();
  readonly #byToken = new Map<string, Reading>();
  /** Those that were read to their end, the oldest first. */
  readonly #read = new Set<Reading>();
  readonly #room: PageRoom;
  readonly #reportBug: (error: unknown) => void;
  #stopped = false;

  constructor(settings: PageSettings, reportBug: (error: unknown) => void) {
    this.settings = settings;
    this.#room = new PageRoom(() => this.settings);
    this.#reportBug = reportBug;
  }

  /** How many commands have not been read to their end. */
  get size(): number {
    return this.#readings.size;
  }

  /**
   * Starts a command.
   * @throws CodedError `too_many_runs`, `shutting_down`; then the call was given up
   */
  open(caller: Caller, admitted: AdmittedShell, watch?: CommandWatch): OpenedCommand {
    const bytes = heldBytes(this.settings.pageMaxBytes);
    const refusal = this.#stopped
      ? new CodedError("shutting_down", "the gateway is shutting down")
      : this.#room.take(caller.name, bytes);
    if (refusal !== undefined) {
      admitted.giveUp();
      throw refusal;
    }
    const command = new HeldCommand(this.settings.pageMaxBytes, watch);
    const fresh = { token: undefined, last: undefined, isAsked: false, bytes, timer: undefined };
    const reading: Reading = { caller: caller.name, command, ...fresh };
    this.#readings.add(reading);
    this.#waitIdle(reading);
    void command.run(admitted, this.#reportBug);
    return { first: async (wait, signal) => this.#first(reading, wait, signal) };
  }

  /**
   * The page of a token. When `signal` aborts before it was made, the token stays good.
   * @throws CodedError `page_unknown`, `cancelled`
   */
  async next(caller: Caller, token: string, wait: PageWait, signal: AbortSignal, { again }: Again): Promise<Page> {
    const reading = this.#byToken.get(token);
    if (reading?.caller !== caller.name) throw unknownPage();
    if (token === reading.token && !reading.isAsked) return this.#page(reading, token, wait, signal);
    // Whoever asks for the next page has got this one.
    if (!again || token !== reading.last?.token || reading.isAsked) throw unknownPage();
    this.#waitIdle(reading);
    return reading.last.page;
  }

  /** Ends everything that runs; whoever waits for a page gets `shutting_down`. Nothing is started any more. */
  stop(): void {
    this.#stopped = true;
    for (const reading of this.#readings) reading.command.giveUp("shutting_down");
  }

  /** Nothing is started any more; what runs goes on. */
  drain(): void {
    this.#stopped = true;
  }

  async #first(reading: Reading, wait: PageWait, signal: AbortSignal): Promise<Page> {
    try {
      return await this.#page(reading, "", wait, signal);
    } catch (error) {
      this.#forget(reading, "cancelled");
      throw error;
    }
  }

  async #page(reading: Reading, token: string, wait: PageWait, signal: AbortSignal): Promise<Page> {
    clearTimeout(reading.timer);
    reading.isAsked = true;
    try {
      await reading.command.ready(wait, signal);
    } finally {
      reading.isAsked = false;
      this.#waitIdle(reading);
    }
    const page = this.#made(reading);
    if (reading.last !== undefined) this.#byToken.delete(reading.last.token);
    reading.last = token === "" ? undefined : { token, page };
    reading.token = page.next;
    if (page.next !== undefined) this.#byToken.set(page.next, reading);
    else this.#wasRead(reading);
    return page;
  }

  #made({ command }: Reading): Page {
    const { end } = command;
    const text = command.take();
    const hasMore = end === undefined || command.output.length > 0;
    // What a command wrote before it failed is given first, so that no answer is both output and error.
    const isCutShort = end?.kind === "failed" && (text.stdout !== "" || text.stderr !== "");
    if (!hasMore && !isCutShort) return { ...text, next: undefined, end };
    return { ...text, next: randomBytes(TOKEN_BYTES).toString("hex"), end: undefined };
  }

  #waitIdle(reading: Reading): void {
    clearTimeout(reading.timer);
    reading.timer = setTimeout(() => {
      this.#forget(reading, "cancelled");
    }, this.settings.idleMs).unref();
  }

  /** The last page was given: what the command held of the gateway is free again. */
  #wasRead(reading: Reading): void {
    this.#leave(reading);
    if (reading.last === undefined) {
      clearTimeout(reading.timer);
      return;
    }
    this.#read.add(reading);
    const [oldest] = this.#read;
    if (this.#read.size * this.settings.pageMaxBytes > READ_BYTES && oldest !== undefined)
      this.#forget(oldest, "cancelled");
  }

  #leave(reading: Reading): void {
    this.#readings.delete(reading);
    if (reading.bytes > 0) this.#room.release(reading.caller, reading.bytes);
    reading.bytes = 0;
  }

  #forget(reading: Reading, reason: GivenUpFor): void {
    clearTimeout(reading.timer);
    this.#leave(reading);
    this.#read.delete(reading);
    for (const token of [reading.token, reading.last?.token]) if (token !== undefined) this.#byToken.delete(token);
    reading.command.giveUp(reason);
  }
}
