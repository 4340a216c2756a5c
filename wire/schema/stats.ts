import { type Static, Type } from "typebox";
import { trouble } from "./common.ts";

/** What was counted since the daemon started. */

/** Of one kind of event: how many took at most so many seconds. */
const HistogramFile = Type.Object({
  count: Type.Integer(),
  sum: Type.Number(),
  buckets: Type.Array(Type.Object({ le: Type.Number(), count: Type.Integer() })),
});
export const StatsFile = Type.Object({
  uptime_seconds: Type.Number(),
  operations: Type.Array(
    Type.Object({ project: Type.String(), operation: Type.String(), outcome: Type.String(), count: Type.Integer() }),
  ),
  denials: Type.Array(Type.Object({ code: Type.String(), count: Type.Integer() })),
  decision_seconds: HistogramFile,
  run_seconds: HistogramFile,
  running: Type.Integer(),
  sessions: Type.Integer(),
  pending_approvals: Type.Integer(),
  redactions: Type.Integer(),
  audit_errors: Type.Integer(),
});
export const StatsReplyFile = Type.Object({ stats: Type.Optional(Type.Union([StatsFile, Type.Null()])), ...trouble() });

export type Stats = Static<typeof StatsFile>;
export type HistogramFields = Static<typeof HistogramFile>;
export type StatsReply = Static<typeof StatsReplyFile>;
