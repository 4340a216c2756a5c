import type { Board } from "../host/page/board.ts";

/** The connection with the daemon: what is asked, and what it tells. */

const TOKEN_KEY = "cmd2host.login";
/** Nothing for so long means that the connection is dead, whatever the system says: the daemon is heard every 10 seconds. */
const SILENCE_MS = 25_000;
const CHECK_MS = 2_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

/** How the connection is. */
export type LinkState =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected" }
  /** The daemon does not answer. */
  | { readonly kind: "lost"; readonly since: number; readonly retryAt: number }
  /** Nothing can be asked without a new login. */
  | { readonly kind: "logged_out"; readonly why: string };

/** An answer that is none, in words. */
export class Refused extends Error {
  readonly status: number;
  readonly hint: string;

  constructor(status: number, message: string, hint: string) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

function field(value: unknown, name: string): string {
  if (typeof value !== "object" || value === null) return "";
  const found = new Map(Object.entries(value)).get(name) as unknown;
  return typeof found === "string" ? found : "";
}

async function refused(response: Response): Promise<Refused> {
  const body: unknown = await response.json().catch(() => undefined);
  const error = field(body, "error");
  return new Refused(
    response.status,
    error === "" ? `The daemon answered ${String(response.status)}` : error,
    field(body, "hint"),
  );
}

/** What a message of the feed says. */
interface News {
  readonly now: number;
  readonly board: Partial<Board>;
}

/** What whoever holds the connection is told. */
export interface Listener {
  readonly state: (state: LinkState) => void;
  readonly news: (board: Partial<Board>, daemonTime: number) => void;
}

async function post(path: string, body: object, token: string): Promise<unknown> {
  const response = await fetch(`api/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-cmd2host-page": token },
    body: JSON.stringify(body),
    cache: "no-store",
    redirect: "error",
  });
  if (!response.ok) throw await refused(response);
  return response.json();
}

/**
 * One login of this tab. The token is kept for this tab and this address only: unlike a cookie it is not sent to other ports of the same machine. It goes
 * with every question, and is worth nothing without the cookie.
 */
export class Link {
  readonly #listener: Listener;
  #token = "";
  #heard = 0;
  #tries = 0;
  #feed: AbortController | undefined;
  #timer: number | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Logs in with the code of the address, which is taken out of it at once, or goes on with the login of this tab. */
  async start(): Promise<void> {
    const code = /^#([\w-]{43})$/.exec(location.hash)?.[1];
    if (code !== undefined) {
      history.replaceState(null, "", `${location.pathname}#/now`);
      try {
        this.#keep(field(await post("login", { code }, ""), "token"));
      } catch (error) {
        this.#logOut(error instanceof Refused ? error.message : "The daemon does not answer");
        return;
      }
    }
    this.#token = sessionStorage.getItem(TOKEN_KEY) ?? "";
    if (this.#token === "") {
      this.#logOut("This tab has no login");
      return;
    }
    setInterval(() => {
      this.#check();
    }, CHECK_MS);
    const again = (): void => {
      if (document.visibilityState === "visible") this.retry();
    };
    document.addEventListener("visibilitychange", again);
    window.addEventListener("online", again);
    window.addEventListener("pageshow", again);
    this.#connect();
  }

  /** Asks for something. @throws Refused, TypeError when the daemon does not answer */
  async get(path: string, signal?: AbortSignal): Promise<unknown> {
    const response = await fetch(`api/${path}`, {
      headers: { "x-cmd2host-page": this.#token },
      cache: "no-store",
      redirect: "error",
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.ok) return response.json();
    throw this.#known(await refused(response));
  }

  /** Changes something. @throws Refused, TypeError */
  async change(path: string, body: object = {}): Promise<void> {
    try {
      await post(path, body, this.#token);
    } catch (error) {
      throw error instanceof Refused ? this.#known(error) : error;
    }
  }

  /** Ends the login of this tab. */
  async logOut(): Promise<void> {
    await this.change("logout").catch(() => undefined);
    this.#logOut("You have logged out");
  }

  /** Looks at once whether the connection still lives. */
  retry(): void {
    if (this.#token === "") return;
    if (this.#feed !== undefined && Date.now() - this.#heard < SILENCE_MS / 2) return;
    this.#tries = 0;
    this.#connect();
  }

  #keep(token: string): void {
    sessionStorage.setItem(TOKEN_KEY, token);
  }

  #known(error: Refused): Refused {
    if (error.status === 401) this.#logOut(error.message);
    return error;
  }

  #logOut(why: string): void {
    sessionStorage.removeItem(TOKEN_KEY);
    this.#token = "";
    this.#feed?.abort();
    this.#feed = undefined;
    clearTimeout(this.#timer);
    this.#listener.state({ kind: "logged_out", why });
  }

  #check(): void {
    if (this.#feed !== undefined && Date.now() - this.#heard > SILENCE_MS) this.#lose(this.#feed);
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#feed?.abort();
    const feed = new AbortController();
    this.#feed = feed;
    this.#heard = Date.now();
    this.#listen(feed)
      .catch(() => undefined)
      .finally(() => {
        this.#lose(feed);
      });
  }

  #lose(feed: AbortController): void {
    if (this.#feed !== feed) return;
    feed.abort();
    this.#feed = undefined;
    const delay = RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)] ?? 0;
    this.#tries++;
    this.#listener.state({ kind: "lost", since: this.#heard, retryAt: Date.now() + delay });
    this.#timer = setTimeout(() => {
      this.#connect();
    }, delay);
  }

  async #listen(feed: AbortController): Promise<void> {
    const response = await fetch("api/feed", {
      headers: { "x-cmd2host-page": this.#token },
      cache: "no-store",
      redirect: "error",
      signal: feed.signal,
    });
    if (!response.ok || response.body === null) throw this.#known(await refused(response));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#heard = Date.now();
      text += value;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) this.#take(part);
    }
  }

  #take(message: string): void {
    const data = /^data: ([^\n]*)/m.exec(message)?.[1];
    if (data === undefined) return;
    const { now, board } = JSON.parse(data) as News;
    this.#tries = 0;
    this.#listener.state({ kind: "connected" });
    this.#listener.news(board, now);
  }
}
