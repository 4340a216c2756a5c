import { entryOf, type Code, type CodeKind } from "../../wire/codes.ts";

/** Statuses that an error is answered with. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 502 | 503;

/** Each code that a gateway's client can meet, and the HTTP status of its answer. Those that the original has keep its status. */
export const STATUS_OF: Readonly<Partial<Record<Code, ErrorStatus>>> = {
  // said before anything is sent to a target
  target_unknown: 400,
  target_no_address: 400,
  target_no_key: 400,
  target_busy: 400,
  too_many_targets: 400,
  target_exists: 409,
  target_fixed: 409,
  target_invalid: 400,
  page_unknown: 400,
  unauthenticated: 401,
  caller_not_allowed: 403,
  rate_limited: 429,
  too_many_runs: 429,
  too_many_sessions: 429,
  request_invalid: 400,
  json_invalid: 400,
  json_duplicate_key: 400,
  json_trailing_data: 400,
  frame_too_large: 413,
  audit_unavailable: 503,
  shutting_down: 503,
  internal: 500,
  // said by a target, or on the way to it
  work_dir_denied: 400,
  env_denied: 400,
  file_denied: 400,
  target_unreachable: 502,
  target_key_mismatch: 502,
  link_version: 502,
  link_refused: 502,
  link_lost: 502,
  agent_full: 429,
  run_as_unavailable: 502,
  rpc_failed: 502,
  nats_unusable: 502,
  transfer_invalid: 502,
  enrolment_invalid: 400,
  // about runs
  run_unknown: 404,
  not_found: 404,
};

/** All others: what an agent's policy denies is the caller's to put right, what failed lies behind the gateway. */
const STATUS_OF_KIND: Readonly<Record<CodeKind, ErrorStatus>> = { denied: 400, failed: 502, client: 500 };

/** The status of an answer that is an error. */
export function statusOf(code: Code): ErrorStatus {
  return STATUS_OF[code] ?? STATUS_OF_KIND[entryOf(code).kind];
}

/** When to try again, in seconds; undefined when that does not help by itself. */
export function retryAfter(status: ErrorStatus): string | undefined {
  return status === 429 || status === 503 ? "1" : undefined;
}
