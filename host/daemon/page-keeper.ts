import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import type { ServedPage } from "../../wire/schema.ts";
import type { Noted } from "../audit/record.ts";
import type { PageDoor } from "../engine/rooms.ts";
import type { PageServer } from "../page/page-server.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import type { DeskRooms } from "./desk/daemon-desk.ts";
import type { Log } from "../util/log.ts";

/** The page ends by itself when no browser was connected for `idleMs`; that is looked at every `lookMs`. */
const PATIENCE = { idleMs: 30 * 60 * 1_000, lookMs: 60_000 };
const LOGIN_SECONDS = 60;

/** Leads a browser to an address without naming it in a command line, which other users of this machine can read. The address is ours: nothing in it needs an escape. */
function leadingTo(url: string): string {
  return `<!doctype html><meta charset="utf-8"><title>cmd2host</title><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url=${url}">\n`;
}

/** Serves the page from when the owner asks for it until nobody looks at it any more. Until then nothing of it is loaded. */
export class PageKeeper implements PageDoor {
  readonly #base: BaseDirectory;
  readonly #log: Log;
  readonly #rooms: DeskRooms;
  readonly #noted: Noted;
  readonly #patience: typeof PATIENCE;
  readonly #startedAt = Date.now();
  readonly #files = new Map<string, NodeJS.Timeout>();
  #server: PageServer | undefined;
  #socket: string | undefined;
  #seen = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What is opened and stopped comes one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param noted is told what the owner does on the page */
  constructor(base: BaseDirectory, log: Log, rooms: DeskRooms, noted: Noted, patience = PATIENCE) {
    this.#base = base;
    this.#log = log;
    this.#rooms = rooms;
    this.#noted = noted;
    this.#patience = patience;
  }

  async open(socket: string | undefined): Promise<ServedPage> {
    return this.#next(async () => {
      if (this.#server !== undefined && this.#socket !== socket)
        await this.#close("it is served elsewhere from now on");
      const server = (this.#server ??= await this.#serve(socket));
      this.#seen = performance.now();
      const url = server.link();
      const file = socket === undefined ? this.#fileFor(url) : undefined;
      return { url, ...(file === undefined ? {} : { file }), address: server.address, login_seconds: LOGIN_SECONDS };
    });
  }

  async stop(): Promise<boolean> {
    return this.#next(async () => {
      if (this.#server === undefined) return false;
      await this.#close("it was stopped");
      return true;
    });
  }

  async #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #serve(socket: string | undefined): Promise<PageServer> {
    const [{ PageServer }, { DaemonDesk }] = await Promise.all([
      import("../page/page-server.ts"),
      import("./desk/daemon-desk.ts"),
    ]);
    const server = await PageServer.open({
      desk: new DaemonDesk(this.#base, this.#startedAt, this.#rooms),
      socket,
      codeUsed: () => {
        this.#removeFiles();
      },
      changed: (what, of) => {
        this.#noted("page_used", { what, of: of === "" ? undefined : of });
      },
      reportBug: (error) => {
        this.#log.error("internal error of the page", {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      },
    });
    this.#socket = socket;
    this.#log.info("page served", { address: server.address });
    this.#timer = setInterval(() => {
      this.#look();
    }, this.#patience.lookMs);
    this.#timer.unref();
    return server;
  }

  #look(): void {
    const now = performance.now();
    if ((this.#server?.connected ?? 0) > 0) this.#seen = now;
    if (now - this.#seen < this.#patience.idleMs) return;
    this.#next(async () => this.#close("nobody looks at it")).catch(() => undefined);
  }

  async #close(why: string): Promise<void> {
    clearInterval(this.#timer);
    this.#removeFiles();
    const server = this.#server;
    this.#server = undefined;
    this.#socket = undefined;
    if (server === undefined) return;
    await server.close();
    this.#log.info("page ended", { reason: why });
  }

  /** Undefined when it cannot be written: the address can be opened by hand. */
  #fileFor(url: string): string | undefined {
    const path = join(this.#base.page, `${randomBytes(8).toString("hex")}.html`);
    try {
      makePrivateDirectory(this.#base.page);
      writeAtomic(path, leadingTo(url));
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
    const timer = setTimeout(() => {
      this.#removeFile(path);
    }, LOGIN_SECONDS * 1_000);
    timer.unref();
    this.#files.set(path, timer);
    return path;
  }

  #removeFile(path: string): void {
    clearTimeout(this.#files.get(path));
    this.#files.delete(path);
    rmSync(path, { force: true });
  }

  #removeFiles(): void {
    for (const path of [...this.#files.keys()]) this.#removeFile(path);
  }
}
