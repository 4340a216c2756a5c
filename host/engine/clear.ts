import { Readable } from "node:stream";
import type { Approvals, Ruling } from "../approval/approvals.ts";
import { digestOf, type Card } from "../approval/card.ts";
import { reasonToAsk } from "../approval/conditions.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import type { ApprovalRule } from "../project/types.ts";
import { callTexts, cardOf, cardPlan } from "./card.ts";
import type { Plan } from "./plan.ts";
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

function isCleared(plan: Plan, stdin: Readable | undefined, more: Partial<ClearedPlan> = {}): ClearedPlan {
  const parts: Omit<ClearedPlan, typeof cleared> = { plan, ruling: undefined, stdin, stdinDigest: undefined, ...more };
  return parts as ClearedPlan;
}

/**
 * The last step before anything runs: a person is asked when the operation says so, unless a grant lets exactly this through. Whoever was asked has
 * allowed what they saw; so everything is decided once more behind the answer, and nothing runs that is not the same to the last byte.
 * @param decide makes the plan, from the same request each time
 * @throws CodedError what `decide` throws; `approval_*`, `too_many_pending`, `cancelled`, `shutting_down`
 */
export async function clear(approvals: Approvals, decide: () => Promise<Plan>, asker: Asker): Promise<ClearedPlan> {
  const plan = await decide();
  const { approval, stdin: mode } = plan.operation;
  const source = mode === "none" ? undefined : asker.live?.stdin;
  if (approval === undefined) return isCleared(plan, source);
  try {
    return await askedAbout(approvals, approval, plan, source, decide, asker);
  } catch (error) {
    plan.files.discard();
    throw error;
  }
}

async function askedAbout(
  approvals: Approvals,
  rule: ApprovalRule,
  plan: Plan,
  source: Readable | undefined,
  decide: () => Promise<Plan>,
  asker: Asker,
): Promise<ClearedPlan> {
  const project = plan.project.id;
  const operation = plan.operation.id;
  const why = reasonToAsk(rule, callTexts(plan.call), (ms) => approvals.recent.count(project, operation, ms));
  if (why === undefined) {
    approvals.recent.note(project, operation);
    return isCleared(plan, source);
  }
  const input = await inputOf(plan, source, asker);
  const card = cardOf(asker.id, plan, input, asker);
  const again = input === undefined ? undefined : Readable.from([input], { objectMode: false });
  const stdinDigest = card.plan.stdin?.sha256;
  const grant = approvals.grants.use(card);
  if (grant !== undefined) {
    approvals.recent.note(project, operation);
    const ruling = { rule: `grant:${grant.id}`, approver: grant.by };
    return isCleared(plan, again, { ruling, stdinDigest });
  }
  // Nothing of it lies about while a person thinks.
  plan.files.discard();
  const ruling = await approvals.ask(card, rule, why, asker.signal, ({ deadline }) => {
    const until = new Date(deadline.at).toISOString().slice(11, 19);
    asker.live?.notice({
      text: `waiting for a person to allow ${operation}, until ${until} UTC (${card.id.slice(0, 8)})`,
      code: "approval_pending",
    });
  });
  return isCleared(await unchanged(card, input, decide), again, { ruling, stdinDigest });
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
