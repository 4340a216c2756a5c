import { type Static, Type } from "typebox";
import { ANSWERS } from "../names.ts";
import { oneOf, waitSeconds } from "./common.ts";
import { OperationRequestFile } from "./requests.ts";

/** Requests of the owner of the host: on the daemon's own socket only. */

/** The same for any project, with what only its owner may see. */
export const ExplainRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  explain: Type.Object({ project: Type.String(), request: OperationRequestFile }),
});

/** Calls that wait for a person, at once or as soon as they are not those of `list_approvals` any more. */
export const ListApprovalsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  /** The revision that is known; empty for none. */
  list_approvals: Type.Optional(Type.String()),
  wait_seconds: waitSeconds(),
});

export const AnswerApprovalRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  answer_approval: Type.Optional(Type.String()),
  answer: oneOf(ANSWERS),
  /** How long a grant holds; missing: until its session ends. */
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
  /** On a denial; reaches the agent. */
  note: Type.Optional(Type.String()),
});

export const ListGrantsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  list_grants: Type.Optional(Type.Boolean()),
});

/** By ids, or all of a project, or of a session, or all. */
export const RevokeGrantsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  revoke_grants: Type.Optional(Type.Array(Type.String())),
  project: Type.Optional(Type.String()),
  session: Type.Optional(Type.String()),
  all: Type.Optional(Type.Boolean()),
});

/** What was counted since the daemon started. */
export const StatsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  stats: Type.Optional(Type.Object({ project: Type.Optional(Type.String()) })),
});

/** For the owner of the host only: serves the page, or ends it. */
export const PageRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  page: Type.Optional(
    Type.Object({
      /** An absolute path for a Unix socket, instead of a port of this machine. */
      socket: Type.Optional(Type.String({ maxLength: 4_096 })),
      stop: Type.Optional(Type.Boolean()),
    }),
  ),
  token: Type.Optional(Type.String()),
});

export type ExplainRequestFields = Static<typeof ExplainRequestFile>;
export type ListApprovalsRequestFields = Static<typeof ListApprovalsRequestFile>;
export type AnswerApprovalRequestFields = Static<typeof AnswerApprovalRequestFile>;
export type ListGrantsRequestFields = Static<typeof ListGrantsRequestFile>;
export type RevokeGrantsRequestFields = Static<typeof RevokeGrantsRequestFile>;
export type StatsRequestFields = Static<typeof StatsRequestFile>;
export type PageRequestFields = Static<typeof PageRequestFile>;
