import type { Approvals, Ruling } from "../../host/approval/approvals.ts";
import { digestOf, type Card, type CardPlan } from "../../host/approval/card.ts";
import type { ApprovalRule } from "../../host/project/types.ts";
import { sha256Hex } from "../../host/util/hash.ts";
import type { Live } from "../../wire/live.ts";
import type { AdmittedCall } from "./asked.ts";

/** What whoever runs the gateway may answer. */
const RULE: ApprovalRule = {
  when: [],
  after: undefined,
  timeoutMs: undefined,
  via: undefined,
  answers: ["once", "call", "operation"],
  says: undefined,
};

/** A call on a target, as an answer is bound to it. What the target makes of it is the target's affair. */
function planOf({ target, operation, argv, message }: AdmittedCall): CardPlan {
  return {
    project: "gateway",
    // Everything that is sent, so that an answer holds for exactly this.
    configHash: sha256Hex(Buffer.from(JSON.stringify(message))),
    operation,
    program: operation,
    argv,
    cwd: "(on the target)",
    repo: target.name,
    url: target.host,
    inputs: [],
    output: undefined,
    stdin: undefined,
    commit: undefined,
    timeoutMs: 0,
    machine: undefined,
  };
}

/**
 * Waits until whoever runs the gateway has allowed a call.
 * @throws CodedError `approval_denied`, `approval_timeout`, `too_many_pending`, `rate_limited`, `cancelled`, `shutting_down`
 */
export async function allowed(
  approvals: Approvals,
  call: AdmittedCall,
  live: Live,
  signal: AbortSignal,
): Promise<Ruling> {
  const plan = planOf(call);
  const { caller, id, peer, operation } = call;
  const card: Card = {
    id,
    plan,
    digest: digestOf(plan),
    requester: { session: { id: caller.name, key: caller.name }, peer, route: call.route ?? "http" },
    title: "",
    says: `${operation} on ${call.target.name}, for ${caller.name}`,
  };
  const grant = approvals.grants.use(card);
  if (grant !== undefined) return { rule: `grant:${grant.id}`, approver: grant.by };
  return approvals.ask(card, RULE, `${caller.name} may not call it by itself`, signal, ({ deadline }) => {
    const until = new Date(deadline.at).toISOString().slice(11, 19);
    live.notice({
      text: `waiting for a person to allow ${operation}, until ${until} UTC (${id.slice(0, 8)})`,
      code: "approval_pending",
    });
  });
}
