import type { ServerResponse } from "node:http";
import { boardOf, type Board } from "./board.ts";
import type { Desk } from "./desk.ts";
import { PAGE_HEADERS } from "./headers.ts";

/** How often everything is looked at while somebody watches, and how soon after something was told to have changed. */
const LOOK_MS = 1_000;
const SOON_MS = 50;
/** How often a page hears that the daemon is there, also when nothing changes. */
const ALIVE_MS = 10_000;
/** What may wait for a page that does not read. */
const MAX_WAITING_BYTES = 4 * 1_024 * 1_024;
const MAX_PAGES = 16;

/** The members of a board as JSON, by name. */
type Written = ReadonlyMap<string, string>;

function written(board: Board): Written {
  return new Map(
    Object.entries(board).flatMap(([name, value]) => (value === undefined ? [] : [[name, JSON.stringify(value)]])),
  );
}

function message(now: number, members: Written): string {
  const fields = [...members].map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return `event: board\ndata: {"now":${now},"board":{${fields.join(",")}}}\n\n`;
}

/**
 * Tells connected pages how things are: everything when they connect, from then on what has changed. A page that comes back after a break is told everything
 * again, so nothing is missed. While nobody is connected, nothing is done.
 */
export class Feed {
  readonly #desk: Desk;
  readonly #trouble: (error: unknown) => void;
  readonly #pages = new Set<ServerResponse>();
  #sent: Written = new Map();
  #timers: readonly NodeJS.Timeout[] = [];
  #soon: NodeJS.Timeout | undefined;
  #unwatch: () => void = () => undefined;
  #troubled = false;

  /** @param trouble told once when the board cannot be made, until it can */
  constructor(desk: Desk, trouble: (error: unknown) => void) {
    this.#desk = desk;
    this.#trouble = trouble;
  }

  /** How many pages are connected. */
  get connected(): number {
    return this.#pages.size;
  }

  /** Takes a page; false when there are too many. It is told until it goes or the signal aborts. */
  connect(page: ServerResponse, signal: AbortSignal): boolean {
    if (this.#pages.size >= MAX_PAGES || signal.aborted) return false;
    const leave = (): void => {
      this.#leave(page);
    };
    const end = (): void => {
      page.end();
      leave();
    };
    page.once("close", leave);
    page.once("error", leave);
    signal.addEventListener("abort", end, { once: true });
    page.once("close", () => {
      signal.removeEventListener("abort", end);
    });
    if (this.#pages.size === 0) this.#begin();
    else this.#look();
    page.writeHead(200, { ...PAGE_HEADERS, "Content-Type": "text/event-stream; charset=utf-8" });
    this.#pages.add(page);
    this.#write(page, message(Date.now(), this.#sent));
    return true;
  }

  /** Closes every connection. */
  stop(): void {
    for (const page of [...this.#pages]) {
      page.end();
      this.#leave(page);
    }
  }

  #begin(): void {
    this.#sent = new Map();
    this.#look();
    this.#unwatch = this.#desk.watch(() => {
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        this.#look();
      }, SOON_MS);
    });
    this.#timers = [
      setInterval(() => {
        this.#look();
      }, LOOK_MS),
      setInterval(() => {
        for (const page of this.#pages) this.#write(page, ": alive\n\n");
      }, ALIVE_MS),
    ];
  }

  #leave(page: ServerResponse): void {
    this.#pages.delete(page);
    if (this.#pages.size > 0) return;
    this.#unwatch();
    this.#unwatch = () => undefined;
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }

  /** Looks at everything, and tells what is new. */
  #look(): void {
    let now: Written;
    try {
      now = written(boardOf(this.#desk, Date.now()));
      this.#troubled = false;
    } catch (error) {
      if (!this.#troubled) this.#trouble(error);
      this.#troubled = true;
      return;
    }
    const news = new Map([...now].filter(([name, json]) => this.#sent.get(name) !== json));
    this.#sent = now;
    if (news.size === 0) return;
    const text = message(Date.now(), news);
    for (const page of this.#pages) this.#write(page, text);
  }

  #write(page: ServerResponse, text: string): void {
    if (page.writableLength > MAX_WAITING_BYTES) page.destroy();
    else page.write(text);
  }
}
