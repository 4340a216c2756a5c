import { CodedError } from "../../wire/errors.ts";
import type { Allowance } from "../../wire/names.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { ApprovalRule } from "../project/types.ts";
import { Deadline, SYSTEM_CLOCK, type Clock } from "../util/deadline.ts";
import { AskRate } from "./ask-rate.ts";
import type { Card } from "./card.ts";
import { Grants, type Grant } from "./grants.ts";
import { RecentRuns } from "./recent-runs.ts";

/** A plan that waits for a person. */
export interface Pending {
  readonly card: Card;
  /** Why it is asked. */
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  readonly deadline: Deadline;
  /** Who is told; undefined is everybody. */
  readonly via: readonly string[] | undefined;
  readonly answers: readonly Allowance[];
  /** What was allowed of this operation last, by this daemon. */
  readonly lastAllowed: { readonly argv: readonly string[]; readonly at: number } | undefined;
}

/** What a person says. */
export type Answer =
  | { readonly kind: "once" }
  /** This exact call, until the session ends or for some time. */
  | { readonly kind: "call"; readonly forMs?: number | undefined }
  | { readonly kind: "operation"; readonly forMs?: number | undefined }
  /** The note reaches the agent. */
  | { readonly kind: "deny"; readonly note: string };

/** Why a plan may run. */
export interface Ruling {
  /** For the record: `approval:ID`, `grant:ID`. */
  readonly rule: string;
  /** By which way a person allowed it: `terminal`, `page`, `webhook:phone`. */
  readonly approver: string;
}

/** Longest note that reaches an agent, in bytes. */
const MAX_NOTE_BYTES = 1_000;
const MAX_PENDING = 32;
const MAX_PENDING_PER_SESSION = 8;
/** Operations whose last allowed call is known. */
const MAX_LAST = 512;

/** Told of every plan that begins to wait, and of its end. Must not throw. */
export interface Watcher {
  asked(pending: Pending): void;
  /** @param how `allowed`, `denied`, `expired`, `withdrawn` */
  settled(pending: Pending, how: Ending): void;
}

export type Ending = "allowed" | "denied" | "expired" | "withdrawn";

interface Waiting {
  readonly pending: Pending;
  readonly settle: (how: Ending, result: Ruling | CodedError) => void;
}

function unknown(id: string): CodedError {
  return new CodedError("approval_unknown", `nothing waits for an answer under the id ${printable(shortened(id, 60))}`);
}

/**
 * Plans that wait for a person, answers, and what is remembered of them. Whoever answers comes by a way that no session token opens; nothing here
 * looks at a token.
 */
export class Approvals {
  readonly #clock: Clock;
  readonly #timeoutMs: () => number;
  readonly #start: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #watchers = new Set<Watcher>();
  readonly #last = new Map<string, { readonly argv: readonly string[]; readonly at: number }>();
  readonly #askRate: AskRate;
  readonly grants: Grants;
  readonly recent: RecentRuns;
  #isClosed = false;
  #changes = 0;

  /** @param timeoutMs how long a rule that does not say it waits */
  constructor(timeoutMs: () => number, clock: Clock = SYSTEM_CLOCK) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#start = clock.wall();
    this.#askRate = new AskRate(clock);
    this.grants = new Grants(clock);
    this.recent = new RecentRuns(clock);
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /**
   * Waits until a person has answered. What was asked may have changed meanwhile: the caller compares digests before it runs anything.
   * @param signal withdraws it; its reason is `cancelled`, `disconnected` or `shutting_down`
   * @param asked called when it begins to wait
   * @throws CodedError `approval_denied`, `approval_timeout`, `too_many_pending`, `rate_limited`, `cancelled`, `shutting_down`
   */
  async ask(
    card: Card,
    rule: ApprovalRule,
    why: string,
    signal: AbortSignal,
    asked: (pending: Pending) => void,
  ): Promise<Ruling> {
    this.#requireRoom(card);
    if (signal.aborted) throw withdrawal(signal.reason);
    const wasWorthIt = this.#askRate.take(card.requester.session.key);
    const pending: Pending = {
      card,
      why,
      askedAt: this.#clock.wall(),
      deadline: new Deadline(this.#clock, rule.timeoutMs ?? this.#timeoutMs()),
      via: rule.via,
      answers: rule.answers,
      lastAllowed: this.#last.get(lastKey(card)),
    };
    return new Promise<Ruling>((resolve, reject) => {
      const withdraw = (): void => {
        settle("withdrawn", withdrawal(signal.reason));
      };
      let timer: NodeJS.Timeout | undefined;
      // By both clocks: a timer alone would stand still while the machine sleeps.
      const look = (): void => {
        const left = pending.deadline.leftMs;
        if (left <= 0) settle("expired", expired(card));
        else timer = setTimeout(look, Math.min(1_000, left + 1));
      };
      const settle = (how: Ending, result: Ruling | CodedError): void => {
        if (!this.#waiting.delete(card.id)) return;
        clearTimeout(timer);
        signal.removeEventListener("abort", withdraw);
        if (result instanceof CodedError) reject(result);
        else {
          wasWorthIt();
          resolve(result);
        }
        this.#changes++;
        for (const watcher of [...this.#watchers]) watcher.settled(pending, how);
      };
      signal.addEventListener("abort", withdraw, { once: true });
      this.#waiting.set(card.id, { pending, settle });
      look();
      this.#changes++;
      asked(pending);
      for (const watcher of [...this.#watchers]) watcher.asked(pending);
    });
  }

  /** Another text whenever something began or ceased to wait. */
  get revision(): string {
    return `${this.#start}-${this.#changes}`;
  }

  /** Resolves when the revision is not `known`, when the time is over, or when nobody waits for it any more. */
  async changed(known: string, waitMs: number, signal: AbortSignal): Promise<void> {
    if (known !== this.revision || waitMs <= 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", over);
        stop();
        resolve();
      };
      const timer = setTimeout(over, waitMs);
      const stop = this.watch({ asked: over, settled: over });
      signal.addEventListener("abort", over, { once: true });
    });
  }

  /** Oldest first. */
  get pending(): readonly Pending[] {
    return [...this.#waiting.values()].map(({ pending }) => pending).filter(({ deadline }) => !deadline.isOver);
  }

  /** @throws CodedError `approval_unknown` */
  find(id: string): Pending {
    const found = this.#waiting.get(id)?.pending;
    if (found === undefined || found.deadline.isOver) throw unknown(id);
    return found;
  }

  /**
   * A person's word on a plan that waits. The first counts.
   * @param by which way it came: `terminal`, `page`, `webhook:phone`
   * @returns the grant, when the answer is to be remembered
   * @throws CodedError `approval_unknown`; `answer_not_offered`
   */
  answer(id: string, answer: Answer, by: string): Grant | undefined {
    const { card, answers } = this.find(id);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw unknown(id);
    if (answer.kind === "deny") {
      waiting.settle("denied", denial(card, answer.note, by));
      return undefined;
    }
    if (!answers.includes(answer.kind))
      throw new CodedError(
        "answer_not_offered",
        `the project does not let ${card.plan.operation} be allowed in this way: ${answer.kind}`,
        { hint: `It may be allowed by: ${answers.join(", ")}.` },
      );
    const grant =
      answer.kind === "once" ? undefined : this.grants.add(card, { kind: answer.kind, forMs: answer.forMs, by });
    const key = lastKey(card);
    this.#last.delete(key);
    this.#last.set(key, { argv: card.plan.argv, at: this.#clock.wall() });
    const [oldest] = this.#last.keys();
    if (this.#last.size > MAX_LAST && oldest !== undefined) this.#last.delete(oldest);
    waiting.settle("allowed", { rule: `approval:${card.id}`, approver: by });
    return grant;
  }

  /** Everything of a project, or of a session, that waits is denied. */
  denyAll(fits: (card: Card) => boolean, note: string, by: string): void {
    for (const { pending, settle } of [...this.#waiting.values()])
      if (fits(pending.card)) settle("denied", denial(pending.card, note, by));
  }

  /** What belongs to sessions that are no more: calls that wait are denied; grants, and how often they asked, are forgotten. */
  endOrphans(isSession: (key: string) => boolean): void {
    this.denyAll(({ requester }) => !isSession(requester.session.key), "its session has ended", "the daemon");
    this.grants.revoke(({ session }) => !isSession(session.key));
    this.#askRate.forget(isSession);
  }

  /** Nothing waits any more, and nothing will. */
  close(): void {
    this.#isClosed = true;
    for (const { settle } of [...this.#waiting.values()]) settle("withdrawn", withdrawal("shutting_down"));
  }

  #requireRoom({ requester }: Card): void {
    if (this.#isClosed) throw withdrawal("shutting_down");
    const all = [...this.#waiting.values()];
    const own = all.filter(({ pending }) => pending.card.requester.session.key === requester.session.key);
    if (all.length < MAX_PENDING && own.length < MAX_PENDING_PER_SESSION) return;
    throw new CodedError(
      "too_many_pending",
      own.length < MAX_PENDING_PER_SESSION
        ? `${all.length} calls wait for a person already`
        : `${own.length} calls of this session wait for a person already`,
    );
  }
}

function lastKey({ plan }: Card): string {
  return `${plan.project}\0${plan.operation}`;
}

/** A person said no. */
export class ApprovalDenial extends CodedError {
  /** By which way. */
  readonly approver: string;

  constructor(message: string, approver: string) {
    super("approval_denied", message);
    this.approver = approver;
  }
}

function denial({ plan }: Card, note: string, by: string): CodedError {
  const said = printable(shortened(note.trim(), MAX_NOTE_BYTES));
  return new ApprovalDenial(`${plan.operation} was not allowed (by ${by})${said === "" ? "" : `: ${said}`}`, by);
}

function expired({ plan }: Card): CodedError {
  return new CodedError("approval_timeout", `nobody answered whether ${plan.operation} may run`);
}

function withdrawal(reason: unknown): CodedError {
  return reason === "shutting_down"
    ? new CodedError("shutting_down", "the daemon stopped while the call waited for a person; nothing ran")
    : new CodedError("cancelled", "the call was withdrawn while it waited for a person; nothing ran");
}
