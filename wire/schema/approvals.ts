import { type Static, Type } from "typebox";
import { ALLOWANCES, ANSWERS, GRANT_KINDS } from "../names.ts";
import { oneOf, trouble } from "./common.ts";

/** Calls that wait for a person, what people said, and what they granted. */

/** A call that waits for a person. Texts are as the agent sent them: whoever shows them escapes them. */
export const PendingApprovalFile = Type.Object({
  /** Id of the decision in the record, and of the run. */
  id: Type.String(),
  asked_at: Type.String(),
  expires_at: Type.String(),
  project: Type.String(),
  /** SHA-256 of the approved configuration. */
  config: Type.String(),
  operation: Type.String(),
  title: Type.Optional(Type.String()),
  /** What the call would do, in the operation's own words. */
  says: Type.String(),
  /** Why a person is asked. */
  why: Type.String(),
  /** Real path of the program, then its name and arguments. */
  program: Type.String(),
  argv: Type.Array(Type.String()),
  cwd: Type.String(),
  repo: Type.String(),
  url: Type.String(),
  inputs: Type.Array(
    Type.Object({ param: Type.String(), path: Type.String(), bytes: Type.Integer(), sha256: Type.String() }),
  ),
  output: Type.Optional(Type.String()),
  stdin: Type.Optional(Type.Object({ bytes: Type.Integer(), sha256: Type.String() })),
  commit: Type.Optional(Type.String()),
  /** On a machine: as whom it would run, and what the caller adds to its environment. */
  user: Type.Optional(Type.String()),
  env: Type.Optional(Type.Record(Type.String(), Type.String())),
  timeout_seconds: Type.Number(),
  /** Of all of this; what an answer is bound to. */
  digest: Type.String(),
  session: Type.String(),
  peer: Type.String(),
  route: Type.String(),
  answers: Type.Array(oneOf(ALLOWANCES)),
  via: Type.Optional(Type.Array(Type.String())),
  /** What was allowed of this operation last, since the daemon started. */
  last_allowed: Type.Optional(Type.Object({ argv: Type.Array(Type.String()), at: Type.String() })),
});

export const GrantFile = Type.Object({
  id: Type.String(),
  kind: oneOf(GRANT_KINDS),
  project: Type.String(),
  config: Type.String(),
  operation: Type.String(),
  session: Type.String(),
  argv: Type.Optional(Type.Array(Type.String())),
  granted_at: Type.String(),
  /** Missing: until the session ends. */
  expires_at: Type.Optional(Type.String()),
  by: Type.String(),
  uses: Type.Integer(),
});

export const ApprovalsReplyFile = Type.Object({
  approvals: Type.Optional(Type.Union([Type.Array(PendingApprovalFile), Type.Null()])),
  revision: Type.Optional(Type.String()),
  ...trouble(),
});

export const GrantsReplyFile = Type.Object({
  grants: Type.Optional(Type.Union([Type.Array(GrantFile), Type.Null()])),
  ...trouble(),
});

/** A person's word, as a webhook's receiver sends it. */
export const WebhookAnswerFile = Type.Object({
  id: Type.String(),
  /** Of what was asked: the answer is for exactly this. */
  digest: Type.String(),
  answer: oneOf(ANSWERS),
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
  note: Type.Optional(Type.String()),
});

export type WebhookAnswer = Static<typeof WebhookAnswerFile>;
export type PendingApproval = Static<typeof PendingApprovalFile>;
export type GrantFields = Static<typeof GrantFile>;
export type ApprovalsReply = Static<typeof ApprovalsReplyFile>;
export type GrantsReply = Static<typeof GrantsReplyFile>;
