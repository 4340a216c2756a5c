import { CodedError, messageOf } from "./errors.ts";
import { check, type Types } from "./parse.ts";

/** What a daemon sent, as typed data. */

/** What is said when a connection ends without a byte. */
export function noReply(): CodedError {
  return new CodedError("reply_invalid", "failed to parse response: the daemon closed the connection without a reply", {
    hint: "The daemon may be at its limit of requests (max_in_flight), or what listens there is not a cmd2host daemon; call again.",
  });
}

export function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new CodedError("reply_invalid", `failed to parse response: ${messageOf(error)}`);
  }
}

/** @throws CodedError `reply_invalid` */
export function typed<N extends keyof Types>(name: N, message: unknown): Types[N] {
  const checked = check(name, message);
  if (checked.ok) return checked.value;
  const { pointer, message: wrong } = checked.violation;
  throw new CodedError("reply_invalid", `failed to parse response: ${pointer === "" ? "" : `${pointer}: `}${wrong}`);
}

/** @throws CodedError `reply_invalid` */
export function parsedReply(bytes: Buffer): unknown {
  if (bytes.length === 0) throw noReply();
  return parsed(bytes);
}

/** Replies to everything but operations. */
export type AskedReply =
  | "explanation_reply"
  | "list_reply"
  | "describe_reply"
  | "run_reply"
  | "output_reply"
  | "runs_reply"
  | "approvals_reply"
  | "grants_reply"
  | "stats_reply"
  | "pong_reply"
  | "page_reply";

/** How every daemon's answer begins to a request whose type it does not know. */
const UNKNOWN_TYPE = "Unknown request type";

/**
 * A reply to anything but an operation. What could not be read as a request is refused in the form of an operation's reply; such a refusal
 * becomes the error of the reply that was expected.
 * @throws CodedError `reply_invalid`; `daemon_too_old` when the daemon does not know the request
 */
export function typedReply<N extends AskedReply>(name: N, bytes: Buffer): Types[N] {
  const message = parsedReply(bytes);
  if (typeof message !== "object" || message === null || !("denied_reason" in message)) return typed(name, message);
  const { denied_reason: reason, code, hint } = typed("operation_reply", message);
  if (reason?.startsWith(UNKNOWN_TYPE) === true)
    throw new CodedError("daemon_too_old", "the daemon does not know this kind of request");
  return typed(name, { error: reason, code, hint });
}
