import { Readable } from "node:stream";
import type { Approvals, Pending, Ruling } from "../approval/approvals.ts";
import { digestOf, type Card } from "../approval/card.ts";
import { reasonToAsk } from "../approval/conditions.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { ApprovalRule } from "../project/types.ts";
import { callTexts, cardOf, cardPlan } from "./card.ts";
import type { Limited, Place } from "../limits/limits.ts";
import type { Plan } from "./plan.ts";
import type { Rooms } from "./rooms.ts";
import { wholeInput } from "./whole-input.ts";

declare const cleared: unique symbol;

/** A plan that may start now. Only `clear` makes one; what carries plans out takes nothing else. */
export interface ClearedPlan {
  readonly [cleared]: true;
  readonly plan: Plan;
  /** A person's word; undefined when nobody had to be asked. */
  readonly ruling: Ruling | undefined;
  /** What the program reads; undefined when it gets nothing. */
  readonly stdin: Readable | undefined;
  /** Of standard input, when a person was to allow it. */
  readonly stdinDigest: string | undefined;
  /** Its share of what is limited: given back when it does not start, released when it has ended. */
  readonly place: Place;
}

/** Who asks, and how they are told that somebody else has to be asked first. */
export interface Asker {
  readonly id: string;
  readonly peer: string;
  readonly route: string;
  readonly signal: AbortSignal;
  readonly live: Live | undefined;
  /** Tells the client that its standard input will be read. */
  readonly accept: (plan: Plan) => void;
}

/** Standard input that a person is to allow is held in memory. */
const MAX_INPUT_BYTES = 1_048_576;

/** What is known besides the plan. */
type Clearance = Pick<ClearedPlan, "stdin"> & Partial<Pick<ClearedPlan, "ruling" | "stdinDigest">>;

function isCleared(plan: Plan, place: Place, clearance: Clearance): ClearedPlan {
  const parts: Omit<ClearedPlan, typeof cleared> = {
    plan,
    place,
    ruling: undefined,
    stdinDigest: undefined,
    ...clearance,
  };
  return parts as ClearedPlan;
}

/** What of the limits a plan needs a share of. */
export function shareOf({ project, operation, session }: Plan): Limited {
  return {
    project: project.id,
    operation: operation.id,
    session: session.key,
    perSession: project.sessionLimits,
    perOperation: operation.limits,
  };
}

/**
 * The last steps before anything runs: it must keep the limits, and a person is asked when the operation says so, unless a grant lets exactly this
 * through. Whoever was asked has allowed what they saw; so everything is decided once more behind the answer, and behind standard input that was waited
 * for, and nothing runs that is not the same to the last byte.
 * @param decide makes the plan, from the same request each time
 * @throws CodedError what `decide` throws; `rate_limited`, `too_many_at_once`, `budget_spent`, `approval_*`, `too_many_pending`, `cancelled`,
 * `shutting_down`
 */
export async function clear(
  { approvals, limits }: Pick<Rooms, "approvals" | "limits">,
  decide: () => Promise<Plan>,
  asker: Asker,
): Promise<ClearedPlan> {
  const plan = await decide();
  const { approval, stdin: mode } = plan.operation;
  const stdin = mode === "none" ? undefined : asker.live?.stdin;
  let place: Place | undefined;
  try {
    place = limits.take(shareOf(plan));
    if (approval === undefined) return isCleared(plan, place, { stdin });
    const { plan: allowed, ...clearance } = await allowedPlan(approvals, approval, plan, stdin, decide, asker);
    approvals.recent.note(plan.project.id, plan.operation.id);
    return isCleared(allowed, place, clearance);
  } catch (error) {
    place?.giveBack();
    plan.files.discard();
    throw error;
  }
}

/** The plan that a person, or a grant, lets run: this one, or the same made again. */
async function allowedPlan(
  approvals: Approvals,
  rule: ApprovalRule,
  plan: Plan,
  source: Readable | undefined,
  decide: () => Promise<Plan>,
  asker: Asker,
): Promise<Clearance & { readonly plan: Plan }> {
  const { id: operation } = plan.operation;
  const why = reasonToAsk(rule, callTexts(plan.call), (ms) => approvals.recent.count(plan.project.id, operation, ms));
  if (why === undefined) return { plan, stdin: source };
  const input = await inputOf(plan, source, asker);
  const stdin = input === undefined ? undefined : Readable.from([input], { objectMode: false });
  const card = cardOf(asker.id, plan, input, asker);
  const stdinDigest = card.plan.stdin?.sha256;
  const grant = approvals.grants.use(card);
  const granted = grant === undefined ? undefined : { rule: `grant:${grant.id}`, approver: grant.by };
  // Nobody was waited for, so the plan is of now.
  if (granted !== undefined && input === undefined) return { plan, stdin, stdinDigest, ruling: granted };
  // Nothing of it lies about while a person thinks.
  plan.files.discard();
  const asked = ({ deadline }: Pending): void => {
    const until = new Date(deadline.at).toISOString().slice(11, 19);
    asker.live?.notice({
      text: `waiting for a person to allow ${operation}, until ${until} UTC (${card.id.slice(0, 8)})`,
      code: "approval_pending",
    });
  };
  const ruling = granted ?? (await approvals.ask(card, rule, why, asker.signal, asked));
  return { plan: await unchanged(card, input, decide), stdin, stdinDigest, ruling };
}

/** What the program reads, whole, when the call brings any. */
async function inputOf(plan: Plan, source: Readable | undefined, asker: Asker): Promise<Buffer | undefined> {
  if (source === undefined) return undefined;
  asker.accept(plan);
  return wholeInput(source, Math.min(plan.maxStdinBytes, MAX_INPUT_BYTES), asker.signal);
}

/** Decides again, from the token on. @throws CodedError what deciding throws; `approval_stale` */
async function unchanged(card: Card, input: Buffer | undefined, decide: () => Promise<Plan>): Promise<Plan> {
  const plan = await decide();
  const now = cardPlan(plan, input);
  if (digestOf(now) === card.digest) return plan;
  plan.files.discard();
  const names = Object.keys(now) as (keyof typeof now)[];
  const changed = names.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(card.plan[name]));
  throw new CodedError(
    "approval_stale",
    `${card.plan.operation} was allowed, but changed before it could start: ${changed.join(", ")}`,
  );
}
