import { CodedError } from "../../wire/errors.ts";
import type { LimitRule } from "../project/types.ts";
import { SYSTEM_CLOCK, type Clock } from "../util/deadline.ts";
import type { Budgets } from "./budgets.ts";
import { Window } from "../util/window.ts";

/** What is about to run, and which rules hold for it. */
export interface Limited {
  readonly project: string;
  readonly operation: string;
  /** The session's key, and its id for messages. */
  readonly session: string;
  /** For all operations of one session together. */
  readonly perSession: LimitRule | undefined;
  /** For the operation, whoever asks. */
  readonly perOperation: LimitRule | undefined;
}

/** A run's share of what is limited. Both may be called once, and only one of them counts. */
export interface Place {
  /** The run has ended. */
  release(): void;
  /** It never started: it is as if it had never been asked for. */
  giveBack(): void;
}

/** One thing that is limited: a session, or an operation. */
interface Share {
  readonly key: string;
  readonly what: string;
  readonly rule: LimitRule;
}

const NOTHING: Place = { release: () => undefined, giveBack: () => undefined };
/** How often what nobody uses any more is forgotten. */
const SWEEP_EVERY = 1_024;

function seconds(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms / 1_000));
  return whole < 120 ? `${whole} s` : `${Math.ceil(whole / 60)} min`;
}

/** Rates, numbers at the same time, and daily budgets. What was denied takes nothing of them. */
export class Limits {
  readonly #clock: Clock;
  readonly #budgets: Budgets;
  readonly #windows = new Map<string, { readonly rule: LimitRule; readonly window: Window }>();
  readonly #active = new Map<string, number>();
  #untilSweep = SWEEP_EVERY;

  constructor(budgets: Budgets, clock: Clock = SYSTEM_CLOCK) {
    this.#budgets = budgets;
    this.#clock = clock;
  }

  /** @throws CodedError `too_many_at_once`, `rate_limited`, `budget_spent`, which say when it works again */
  take(limited: Limited): Place {
    const shares = sharesOf(limited);
    if (shares.length === 0) return NOTHING;
    for (const share of shares) this.#require(share);
    const taken = shares.map((share) => this.#taken(share));
    let isOver = false;
    const end = (isBack: boolean) => (): void => {
      if (isOver) return;
      isOver = true;
      for (const over of taken) over(isBack);
    };
    return { release: end(false), giveBack: end(true) };
  }

  /** As `take`, but takes nothing. */
  check(limited: Limited): void {
    for (const share of sharesOf(limited)) this.#require(share);
  }

  /** How many windows are kept. */
  get size(): number {
    return this.#windows.size;
  }

  #require({ key, what, rule }: Share): void {
    const { concurrent, rate, perDay } = rule;
    if (concurrent !== undefined && (this.#active.get(key) ?? 0) >= concurrent)
      throw new CodedError("too_many_at_once", `${what} may run ${times(concurrent)} at the same time, and does`);
    if (rate !== undefined) {
      const wait = this.#window(key, rule)?.waitMs ?? 0;
      if (wait > 0)
        throw new CodedError(
          "rate_limited",
          `${what} may run ${times(rate.runs)} within ${seconds(rate.perMs)}; there is room again in ${seconds(wait)}`,
          { hint: `Call again in ${seconds(wait)}; only the owner of the host can allow more.` },
        );
    }
    if (perDay !== undefined && this.#budgets.count(key) >= perDay) {
      const left = seconds(this.#budgets.leftMs);
      throw new CodedError(
        "budget_spent",
        `${what} may run ${times(perDay)} a day (UTC), and has; a new day begins in ${left}`,
      );
    }
  }

  /** Takes it, and gives what ends it. */
  #taken({ key, rule }: Share): (isBack: boolean) => void {
    const undo = this.#window(key, rule)?.take();
    this.#active.set(key, (this.#active.get(key) ?? 0) + 1);
    if (rule.perDay !== undefined) this.#budgets.add(key, 1);
    return (isBack) => {
      const left = (this.#active.get(key) ?? 1) - 1;
      if (left > 0) this.#active.set(key, left);
      else this.#active.delete(key);
      if (!isBack) return;
      undo?.();
      if (rule.perDay !== undefined) this.#budgets.add(key, -1);
    };
  }

  #window(key: string, rule: LimitRule): Window | undefined {
    const { rate } = rule;
    if (rate === undefined) return undefined;
    const known = this.#windows.get(key);
    // With another rate the past is counted by the new one from now on.
    if (known !== undefined && known.rule.rate?.runs === rate.runs && known.rule.rate.perMs === rate.perMs)
      return known.window;
    this.#sweep();
    const window = new Window(this.#clock, rate);
    this.#windows.set(key, { rule, window });
    return window;
  }

  /** What would let everything through is not worth remembering. */
  #sweep(): void {
    if (--this.#untilSweep > 0) return;
    this.#untilSweep = Math.max(SWEEP_EVERY, this.#windows.size);
    for (const [key, { window }] of this.#windows) if (window.isEmpty) this.#windows.delete(key);
  }
}

function sharesOf({ project, operation, session, perSession, perOperation }: Limited): readonly Share[] {
  const shares: Share[] = [];
  if (perSession !== undefined)
    shares.push({ key: `session ${project} ${session}`, what: "this session", rule: perSession });
  if (perOperation !== undefined)
    shares.push({ key: `operation ${project} ${operation}`, what: operation, rule: perOperation });
  return shares;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
