import type { Reply } from "../../wire/outcome.ts";
import type { AboutApprovals } from "../../wire/request.ts";
import type { GrantFields, PendingApproval } from "../../wire/schema.ts";
import type { Answer, Approvals, Pending } from "../approval/approvals.ts";
import type { Grant } from "../approval/grants.ts";

/** Answers what the owner of the host asks about approvals. */

const at = (ms: number): string => new Date(ms).toISOString();

/** As the owner is shown it; never the session's key. */
export function pendingFields({ card, why, askedAt, deadline, via, answers, lastAllowed }: Pending): PendingApproval {
  const { id, plan, digest, requester, title, says } = card;
  return {
    id,
    asked_at: at(askedAt),
    expires_at: at(deadline.at),
    project: plan.project,
    config: plan.configHash,
    operation: plan.operation,
    ...(title === "" ? {} : { title }),
    says,
    why,
    program: plan.program,
    argv: [...plan.argv],
    cwd: plan.cwd,
    repo: plan.repo,
    url: plan.url,
    inputs: [...plan.inputs],
    ...(plan.output === undefined ? {} : { output: plan.output }),
    ...(plan.stdin === undefined ? {} : { stdin: plan.stdin }),
    ...(plan.commit === undefined ? {} : { commit: plan.commit }),
    timeout_seconds: plan.timeoutMs / 1_000,
    ...(plan.machine === undefined ? {} : { user: plan.machine.user, env: Object.fromEntries(plan.machine.env) }),
    digest,
    session: requester.session.id,
    peer: requester.peer,
    route: requester.route,
    answers: [...answers],
    ...(via === undefined ? {} : { via: [...via] }),
    ...(lastAllowed === undefined ? {} : { last_allowed: { argv: [...lastAllowed.argv], at: at(lastAllowed.at) } }),
  };
}

/** As the owner is shown it. */
export function grantFields(grant: Grant): GrantFields {
  const { id, kind, project, configHash, operation, session, argv, grantedAt, deadline, by, uses } = grant;
  return {
    id,
    kind,
    project,
    config: configHash,
    operation,
    session: session.id,
    ...(argv === undefined ? {} : { argv: [...argv] }),
    granted_at: at(grantedAt),
    ...(deadline === undefined ? {} : { expires_at: at(deadline.at) }),
    by,
    uses,
  };
}

function answerOf({ answer, seconds, note }: AboutApprovals & { kind: "answer" }): Answer {
  const forMs = seconds === undefined ? undefined : seconds * 1_000;
  switch (answer) {
    case "once":
      return { kind: "once" };
    case "call":
    case "operation":
      return { kind: answer, forMs };
    case "deny":
      return { kind: "deny", note };
  }
}

/**
 * @param by which way the owner came
 * @throws CodedError `approval_unknown`, `answer_not_offered`
 */
export async function aboutApprovals(
  approvals: Approvals,
  request: AboutApprovals,
  by: string,
  signal: AbortSignal,
): Promise<Reply> {
  switch (request.kind) {
    case "approvals":
      await approvals.changed(request.revision, request.waitMs, signal);
      return { shape: "approvals", approvals: approvals.pending.map(pendingFields), revision: approvals.revision };
    case "answer": {
      const grant = approvals.answer(request.id, answerOf(request), by);
      return { shape: "grants", grants: grant === undefined ? [] : [grantFields(grant)] };
    }
    case "grants":
      return { shape: "grants", grants: approvals.grants.list().map(grantFields) };
    case "revoke_grants": {
      const { ids, project, session, all } = request;
      const gone = approvals.grants.revoke(
        (grant) => all || ids.includes(grant.id) || grant.project === project || grant.session.id === session,
      );
      return { shape: "grants", grants: gone.map(grantFields) };
    }
  }
}
