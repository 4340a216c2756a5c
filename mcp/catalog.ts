import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonCalls } from "../wire/daemon-calls.ts";
import type { ListReply, OperationInfo } from "../wire/schema.ts";
import { troubleOf, withTokenAdvice, type Trouble } from "./trouble.ts";

/** What may be run now, as far as it is known. Not changed, only replaced. */
export interface Listing {
  readonly operations: readonly OperationInfo[];
  /** Why there is no newer list. */
  readonly trouble: Trouble | undefined;
}

interface Known extends Listing {
  /** What to watch; undefined when the daemon cannot tell of changes. */
  readonly revision: string | undefined;
  /** Two lists are the same when their keys are. */
  readonly key: string;
}

type Daemon = Pick<DaemonCalls, "list" | "watch">;

/** What the catalogue needs of the outside. */
export interface CatalogSource {
  client(): Promise<Daemon>;
  /** See `Backend`. */
  readonly tokenAdvice: string;
}

/** Times in milliseconds. */
export interface CatalogTimes {
  /** How long the list is waited for before an answer goes out without it. */
  readonly patience: number;
  /** Between attempts: at first, and at most. */
  readonly firstPause: number;
  readonly longestPause: number;
}

const TIMES: CatalogTimes = { patience: 5_000, firstPause: 1_000, longestPause: 30_000 };
/** Of one watch, in seconds; the daemon takes up to 300. */
const WATCH_SECONDS = 290;
/** What older daemons say to a request that they do not know. */
const UNKNOWN_REQUEST = "request_unknown_type";

function known(
  operations: readonly OperationInfo[],
  revision: string | undefined,
  trouble: Trouble | undefined,
): Known {
  return { operations, revision, trouble, key: revision ?? JSON.stringify(operations) };
}

/**
 * The list of operations, kept as new as the daemon allows: asked for when it is needed, and watched once a client was told of it. Trouble ends
 * in a listing that says so, never in an error.
 */
export class Catalog {
  readonly #source: CatalogSource;
  readonly #changed: () => void;
  readonly #times: CatalogTimes;
  readonly #stop = new AbortController();
  #known = known([], undefined, undefined);
  #asking: Promise<void> | undefined;
  /** Key of the list that the client was told, or was told to ask for. */
  #told: string | undefined;
  /** Clients that wait for an answer, which will be the newest list. */
  #waiting = 0;
  #isKeeping = false;
  /** True while a watch of the known list is open: there is nothing newer. */
  #isWatched = false;

  /** @param changed called when the list that the client was told is not the newest any more */
  constructor(source: CatalogSource, changed: () => void, times: CatalogTimes = TIMES) {
    this.#source = source;
    this.#changed = changed;
    this.#times = times;
  }

  /** For a client that asks which operations there are. From now on it is told of changes. */
  async tell(): Promise<Listing> {
    this.#waiting++;
    try {
      return await this.refresh();
    } finally {
      this.#waiting--;
      this.#told = this.#known.key;
      this.#keep();
    }
  }

  /** The newest listing that can be had within some seconds. */
  async refresh(): Promise<Listing> {
    if (this.#isWatched || this.#stop.signal.aborted) return this.#known;
    const patience = new AbortController();
    const late = sleep(this.#times.patience, true, { signal: patience.signal, ref: false }).catch(() => true);
    const isLate = await Promise.race([this.#ask(), late]);
    patience.abort();
    if (isLate !== true || this.#known.trouble !== undefined) return this.#known;
    return { ...this.#known, trouble: { reason: `the daemon gave no list within ${this.#times.patience / 1_000} s` } };
  }

  /** What is known without asking. */
  get listing(): Listing {
    return this.#known;
  }

  /** Ends everything that is open. */
  stop(): void {
    this.#stop.abort();
  }

  /** One question at a time; never fails. */
  async #ask(): Promise<void> {
    this.#asking ??= this.#take(async (daemon, signal) => daemon.list("", { signal })).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Gives how long it took, in milliseconds. */
  async #watch(revision: string): Promise<number> {
    const began = performance.now();
    this.#isWatched = true;
    await this.#take(async (daemon, signal) => daemon.watch(revision, WATCH_SECONDS, { signal }));
    this.#isWatched = false;
    this.#announce();
    return performance.now() - began;
  }

  async #take(call: (daemon: Daemon, signal: AbortSignal) => Promise<ListReply>): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      const reply = await call(await this.#source.client(), this.#stop.signal);
      this.#known = this.#after(reply);
    } catch (error) {
      const trouble = troubleOf(error);
      // A daemon that is gone for a moment has not taken the operations away.
      this.#known = trouble.code === "daemon_too_old" ? this.#unwatched() : { ...this.#known, trouble };
    }
  }

  #after({ operations, revision, error = "", code, hint }: ListReply): Known {
    if (code === UNKNOWN_REQUEST) return this.#unwatched();
    if (error !== "")
      return known([], undefined, withTokenAdvice({ reason: error, code, hint }, this.#source.tokenAdvice));
    const isSame = revision !== undefined && revision === this.#known.revision;
    return known(isSame ? this.#known.operations : (operations ?? []), revision, undefined);
  }

  /** The same list, of a daemon that does not tell of changes. */
  #unwatched(): Known {
    return { ...this.#known, revision: undefined, trouble: undefined };
  }

  #announce(): void {
    const { key } = this.#known;
    if (this.#waiting > 0 || this.#told === undefined || this.#told === key || this.#stop.signal.aborted) return;
    this.#told = key;
    this.#changed();
  }

  #keep(): void {
    if (this.#isKeeping) return;
    this.#isKeeping = true;
    void this.#keepUp().finally(() => {
      this.#isKeeping = false;
    });
  }

  /** Watches, and asks again after trouble, until it turns out that the daemon does not tell of changes. */
  async #keepUp(): Promise<void> {
    await this.#asking;
    this.#announce();
    const { firstPause, longestPause } = this.#times;
    let pause = firstPause;
    while (!this.#stop.signal.aborted) {
      const { trouble, revision } = this.#known;
      if (trouble === undefined && revision === undefined) return;
      if (trouble === undefined && revision !== undefined && (await this.#watch(revision)) > firstPause) {
        pause = firstPause;
        continue;
      }
      await sleep(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, longestPause);
      // A client may have asked meanwhile.
      if (this.#known.trouble !== undefined) await this.#ask();
      this.#announce();
    }
  }
}
