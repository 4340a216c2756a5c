import type { CodedError } from "../../wire/errors.ts";
import type { Completed, Failed } from "../../wire/outcome.ts";
import type { Request } from "../../wire/request.ts";
import { ApprovalDenial } from "../approval/approvals.ts";
import type { Decision, Ending, OutputDigests } from "../audit/audit.ts";
import { cwdOf } from "./card.ts";
import type { Trail } from "./pipeline.ts";
import type { Peer } from "./rooms.ts";

/** What the audit gets to know of requests and runs. */

/** How the ways to name an operation are called. */
export const ROUTES = { named: "mcp", raw: "raw_argv" } as const;

/** What is known of a request when it was decided. */
export interface Decided {
  readonly id: string;
  readonly peer: Peer;
  readonly trail: Trail;
}

/** Empty is nothing. */
function named(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/**
 * @param error why it was denied
 * @param mask takes secrets out of a text
 */
export function decisionOf(
  { id, peer, trail }: Decided,
  request: Request | undefined,
  error: CodedError | undefined,
  mask: (text: string) => string,
): Decision {
  const asked = request?.kind === "operation" ? request : undefined;
  const { plan, cleared } = trail;
  return {
    id,
    origin: {
      peer: peer.id,
      transport: peer.transport,
      session: trail.session?.id,
      requestId: asked?.requestId,
      caller: peer.via?.caller,
    },
    project: trail.project?.id,
    configHash: trail.project?.configHash,
    operation: trail.operation,
    route: request?.kind === "operation" ? ROUTES[request.route.kind] : request?.kind,
    target: peer.via?.target ?? named(trail.target?.repo.name),
    targetSource: trail.target?.source,
    verdict: error === undefined ? "permit" : "deny",
    code: error?.code,
    message: error?.message,
    rule:
      error?.code ?? trail.rule ?? cleared?.ruling?.rule ?? (asked === undefined ? undefined : "allowed_operations"),
    approver: error instanceof ApprovalDenial ? error.approver : cleared?.ruling?.approver,
    argv: plan?.argv.map(mask),
    env: plan?.work.kind === "program" ? [...(plan.work.machine?.callerEnv.keys() ?? [])].sort() : undefined,
    cwd: plan === undefined ? undefined : cwdOf(plan),
    stdinDigest: cleared?.stdinDigest,
  };
}

/** @param started by `performance.now()` */
export function endingOf(
  id: string,
  outcome: Completed | Failed,
  started: number,
  outputDigest: OutputDigests | undefined,
): Ending {
  return {
    id,
    outcome: outcome.kind,
    code: outcome.kind === "failed" ? outcome.code : undefined,
    exitCode: outcome.exitCode,
    durationMs: performance.now() - started,
    stdoutBytes: outcome.stdout.total,
    stderrBytes: outcome.stderr.total,
    outputDigest,
    redacted: outcome.redacted,
  };
}
