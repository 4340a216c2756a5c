import { CodedError } from "../wire/errors.ts";
import type { Reply } from "../wire/outcome.ts";
import { parseRequest, replyShapeOf } from "../wire/parse-request.ts";
import { refusal } from "../wire/reply.ts";
import type { Approvals } from "../host/approval/approvals.ts";
import { aboutApprovals } from "../host/engine/about-approvals.ts";

/** What whoever runs the gateway asks on its own socket: which calls wait for an answer, and the answers. */
export async function answerOwner(approvals: Approvals, message: unknown, signal: AbortSignal): Promise<Reply> {
  try {
    const request = parseRequest(message);
    switch (request.kind) {
      case "approvals":
      case "answer":
      case "grants":
      case "revoke_grants":
        return await aboutApprovals(approvals, request, "terminal", signal);
      default:
        throw new CodedError("request_unknown_type", "Unknown request type: this is a gateway's own socket");
    }
  } catch (error) {
    if (error instanceof CodedError) return refusal(replyShapeOf(message), error);
    throw error;
  }
}
