import { CodedError, messageOf } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { Pong } from "../target.ts";
import { inParallel } from "./in-parallel.ts";
import type { KnownTarget } from "./known-target.ts";
import type { Registry } from "./registry.ts";
import { Rounds } from "./rounds.ts";
import { TimeLimit } from "./time-limit.ts";

const AT_ONCE = 64;
const LIMIT_MS = 5_000;

/** An answered ping. The time is from the beginning of the connection to the answer. */
export interface Answered {
  readonly pong: Pong;
  readonly latencyMs: number;
}

export interface PingerParts {
  readonly registry: Registry;
  /** Speaks to the target; must give up when the signal is aborted. What it throws is why the target is unreachable. */
  readonly ping: (target: KnownTarget, signal: AbortSignal) => Promise<Answered>;
  /** Whether a target without an address has dialled in. Default: none has. */
  readonly hasLink?: ((name: string) => boolean) | undefined;
  /** Between two rounds, in milliseconds. */
  readonly intervalMs: () => number;
  /** For one ping, in milliseconds. Default: 5 seconds. */
  readonly limitMs?: number | undefined;
  /** Pings at the same time in one round. Default: 64. */
  readonly atOnce?: number | undefined;
  readonly random?: (() => number) | undefined;
}

/** Keeps the registry told who answers. One target that stays silent holds up nobody: not the others, and not the start. */
export class Pinger {
  readonly #registry: Registry;
  readonly #ping: PingerParts["ping"];
  readonly #hasLink: (name: string) => boolean;
  readonly #limitMs: number;
  readonly #atOnce: number;
  readonly #rounds: Rounds;
  #unlisten: (() => void) | undefined;

  constructor({ registry, ping, hasLink, intervalMs, limitMs, atOnce, random }: PingerParts) {
    this.#registry = registry;
    this.#ping = ping;
    this.#hasLink = hasLink ?? (() => false);
    this.#limitMs = limitMs ?? LIMIT_MS;
    this.#atOnce = atOnce ?? AT_ONCE;
    this.#rounds = new Rounds(async (signal) => this.#round(signal), intervalMs, random);
  }

  /** Pings everybody now, in the background, then again and again; and soon when there are targets that nothing is known of. */
  start(): void {
    this.#unlisten ??= this.#registry.onChange(() => {
      if (this.#pingable().some(({ reachable }) => reachable === "unknown")) this.#rounds.soon();
    });
    this.#rounds.start();
  }

  /** Everybody once, or the round that is running: resolves when the last has answered or ran out of time. */
  async pingAll(): Promise<void> {
    await this.#rounds.run();
  }

  async stop(): Promise<void> {
    this.#unlisten?.();
    this.#unlisten = undefined;
    await this.#rounds.stop();
  }

  /**
   * One target, because somebody asks.
   * @throws CodedError `target_unknown`, `target_no_address`, `target_no_key`, `target_unreachable`, and what the ping throws; `cancelled` when the signal ends it
   */
  async ping(name: string, signal: AbortSignal): Promise<Answered> {
    const target = this.#registry.get(name);
    if (target === undefined)
      throw new CodedError("target_unknown", `there is no target ${quoted(shortened(name, 128))}`);
    if (!this.#hasPlace(target))
      throw new CodedError("target_no_address", `${quoted(name)} has no address (its status is ${target.status})`);
    if (target.way === undefined) throw new CodedError("target_no_key", `there is no key for ${quoted(name)}`);
    return this.#asked(target, signal);
  }

  #hasPlace({ name, host }: KnownTarget): boolean {
    return host !== "" || this.#hasLink(name);
  }

  #pingable(): readonly KnownTarget[] {
    return this.#registry.states().filter((target) => target.way !== undefined && this.#hasPlace(target));
  }

  async #round(signal: AbortSignal): Promise<void> {
    // Those that were silent come last: each of them takes its whole time again.
    const all = this.#pingable();
    const silent = (target: KnownTarget): boolean => target.reachable === "unreachable";
    const ordered = [...all.filter((target) => !silent(target)), ...all.filter(silent)];
    await inParallel(ordered, this.#atOnce, signal, async (target) => {
      await this.#asked(target, signal).catch(() => undefined); // the registry has been told
    });
  }

  async #asked(target: KnownTarget, signal: AbortSignal): Promise<Answered> {
    const limit = new TimeLimit(signal, this.#limitMs);
    try {
      const answered = await limit.race(this.#ping(target, limit.signal));
      this.#registry.answered(target, answered.pong, answered.latencyMs);
      return answered;
    } catch (error) {
      // That we stop asking says nothing of the target.
      if (signal.aborted) throw new CodedError("cancelled", "the ping was given up", { cause: error });
      const trouble = limit.isOver ? `no answer within ${this.#limitMs} ms` : messageOf(error);
      this.#registry.silent(target, trouble);
      if (error instanceof CodedError && !limit.isOver) throw error;
      throw new CodedError("target_unreachable", `${quoted(target.name)}: ${trouble}`, { cause: error });
    } finally {
      limit.end();
    }
  }
}
