import type { Answer as Word, Approvals, Pending } from "../../approval/approvals.ts";
import type { CardPlan } from "../../approval/card.ts";
import { CodedError } from "../../../wire/errors.ts";
import type { Answer, ApprovalDesk, GrantDesk, PendingApproval } from "../../page/desk.ts";

/** How the page's answers are called in records. */
const BY = "page";

type Fact = PendingApproval["facts"][number];

function factsOf(why: string, { program, commit, inputs, output, configHash }: CardPlan): readonly Fact[] {
  const optional = (name: string, value: string | undefined): readonly Fact[] =>
    value === undefined ? [] : [{ name, value }];
  return [
    { name: "Asked because", value: why },
    { name: "Program", value: program },
    ...optional("Commit", commit),
    ...inputs.map(({ param, path, bytes, sha256 }) => ({
      name: `Reads (${param})`,
      value: `${path}, ${bytes} bytes, sha256 ${sha256}`,
    })),
    ...optional("Writes", output),
    { name: "Configuration", value: configHash },
  ];
}

function shown({ card, why, askedAt, deadline, via, answers, lastAllowed }: Pending): PendingApproval {
  const { id, plan, requester, title, says } = card;
  return {
    id,
    askedAt,
    expiresAt: deadline.at,
    project: plan.project,
    operation: plan.operation,
    title,
    says,
    argv: plan.argv,
    cwd: plan.cwd,
    target: plan.machine === undefined ? `${plan.repo} (${plan.url})` : `this machine, as ${plan.machine.user}`,
    facts: factsOf(why, plan),
    stdinDigest: plan.stdin?.sha256,
    stdinBytes: plan.stdin?.bytes,
    session: requester.session.id,
    peer: requester.peer,
    route: requester.route,
    lastApproved: lastAllowed,
    via: via ?? [],
    answers: [...answers, "deny"],
  };
}

function wordOf(answer: Answer): Word {
  if (answer.kind !== "operation") return answer;
  return { kind: "operation", forMs: answer.seconds === undefined ? undefined : answer.seconds * 1_000 };
}

/** Calls that wait for a person, on the page. */
export function approvalDesk(approvals: Approvals): ApprovalDesk {
  return {
    pending: () => approvals.pending.map(shown),
    answer: async (id, answer) =>
      Promise.resolve().then(() => {
        approvals.answer(id, wordOf(answer), BY);
      }),
  };
}

/** What is remembered of answers, on the page. */
export function grantDesk({ grants }: Approvals): GrantDesk {
  return {
    list: () =>
      grants.list().map(({ id, kind, project, operation, session, argv, grantedAt, deadline, by, uses }) => ({
        id,
        kind,
        project,
        operation,
        session: session.id,
        argv,
        grantedAt,
        expiresAt: deadline?.at,
        by,
        uses,
      })),
    revoke: async (id) =>
      Promise.resolve().then(() => {
        if (grants.revoke((grant) => grant.id === id).length === 0)
          throw new CodedError("not_found", "There is no such grant any more", {
            hint: "It may have ended by itself.",
          });
      }),
  };
}
