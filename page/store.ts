import { batch, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Board } from "../host/page/board.ts";
import { Link, Refused, type LinkState } from "./link.ts";
import { spoken } from "./text.tsx";
import { viewOf, type Where } from "./where.ts";

const SAID_MS = 8_000;

/** Something that was said to the person at the page. */
export interface Said {
  readonly id: number;
  readonly tone: "good" | "bad";
  readonly text: string;
  readonly hint: string;
}

/** Everything that the page knows, and how it asks for more. */
export class Store {
  /** Nothing until the daemon has said how things are. */
  readonly board = signal<Partial<Board>>({});
  readonly link = signal<LinkState>({ kind: "connecting" });
  readonly where = signal<Where>(viewOf(location.hash));
  /** The daemon's time, looked at once a second. */
  readonly now = signal(Date.now());
  readonly said = signal<readonly Said[]>([]);
  /** Read to whoever cannot see. */
  readonly announced = signal("");
  /** Counts what may have put something else under the pointer: see `useSettled`. */
  readonly disturbed = signal(0);
  readonly shortcuts = signal(sessionStorage.getItem("cmd2host.shortcuts") !== "off");
  readonly waiting = computed(() => this.board.value.approvals?.waiting ?? 0);
  readonly connected = computed(() => this.link.value.kind === "connected");
  readonly calls: Link;
  #skew = 0;
  #number = 0;

  constructor() {
    this.calls = new Link({
      state: (state) => {
        if (state.kind !== this.link.value.kind || state.kind === "lost") this.link.value = state;
      },
      news: (board, daemonTime) => {
        this.#take(board, daemonTime);
      },
    });
    setInterval(() => {
      this.now.value = this.daemonTime();
    }, 1_000);
    window.addEventListener("hashchange", () => {
      this.where.value = viewOf(location.hash);
    });
    // The click that brings a window to the front is not meant for what is under it.
    window.addEventListener("focus", () => {
      this.disturbed.value++;
    });
  }

  daemonTime(): number {
    return Date.now() + this.#skew;
  }

  say(tone: Said["tone"], text: string, hint = ""): void {
    const said = { id: ++this.#number, tone, text, hint };
    this.said.value = [...this.said.value.slice(-2), said];
    if (tone === "good")
      setTimeout(() => {
        this.unsay(said.id);
      }, SAID_MS);
  }

  unsay(id: number): void {
    this.said.value = this.said.value.filter((one) => one.id !== id);
  }

  /** Does something that may be refused, and says so. True when it was done. */
  async attempt(work: () => Promise<void>, done = ""): Promise<boolean> {
    try {
      await work();
      if (done !== "") this.say("good", done);
      return true;
    } catch (error) {
      if (error instanceof Refused) this.say("bad", error.message, error.hint);
      else this.say("bad", "The daemon did not answer. Look whether it was done before you try again.");
      return false;
    }
  }

  setShortcuts(on: boolean): void {
    sessionStorage.setItem("cmd2host.shortcuts", on ? "on" : "off");
    this.shortcuts.value = on;
  }

  #take(news: Partial<Board>, daemonTime: number): void {
    const before = this.board.value;
    this.#skew = daemonTime - Date.now();
    batch(() => {
      this.board.value = { ...before, ...news };
      this.now.value = daemonTime;
    });
    if (news.approvals !== undefined || news.runs !== undefined) this.#announce(before, news);
  }

  #announce(before: Partial<Board>, news: Partial<Board>): void {
    const known = new Set(before.approvals?.list.map(({ id }) => id));
    const added = news.approvals?.list.filter(({ id }) => !known.has(id)) ?? [];
    const [newest] = added.slice(-1);
    if (newest === undefined) return;
    this.announced.value =
      added.length === 1
        ? `${spoken(newest.operation)} of ${spoken(newest.project)} waits for your answer.`
        : `${String(added.length)} operations wait for your answer.`;
  }
}

export const StoreContext = createContext<Store | undefined>(undefined);

export function useStore(): Store {
  const store = useContext(StoreContext);
  if (store === undefined) throw new Error("outside of the page");
  return store;
}
