import { type Static, Type } from "typebox";
import { ASKS, OUTCOMES, OUTPUT_FORMS, STDIN_MODES } from "../names.ts";
import { oneOf } from "./common.ts";
import { AnnotationsSchema } from "./operation.ts";
import { ParamSchema } from "./params-and-flags.ts";

/** Replies of protocol 1. */

export const OperationReplyFile = Type.Object({
  request_id: Type.Optional(Type.String()),
  exit_code: Type.Integer(),
  stdout: Type.String(),
  stderr: Type.String(),
  denied_reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  stdout_truncated: Type.Optional(Type.Boolean()),
  stderr_truncated: Type.Optional(Type.Boolean()),
  stdout_original_bytes: Type.Optional(Type.Integer()),
  stderr_original_bytes: Type.Optional(Type.Integer()),
  // from here on ours; old clients ignore them
  stdout_encoding: Type.Optional(Type.String()),
  stderr_encoding: Type.Optional(Type.String()),
  signal: Type.Optional(Type.String()),
  outcome: Type.Optional(oneOf(OUTCOMES)),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  notice: Type.Optional(Type.String()),
  run_id: Type.Optional(Type.String()),
  redacted: Type.Optional(Type.Integer({ minimum: 0 })),
  stdout_filtered: Type.Optional(Type.Array(Type.String())),
});

export const FlagInfo = Type.Object({
  flag: Type.String(),
  type: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.String()),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
  enum: Type.Optional(Type.Array(Type.String())),
  schemes: Type.Optional(Type.Array(Type.String())),
  hosts: Type.Optional(Type.Array(Type.String())),
  allow_leading_dash: Type.Optional(Type.Boolean()),
  repeat: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String()),
  takes: oneOf(["none", "one", "several"]),
});

export const OperationInfoFile = Type.Object({
  id: Type.String(),
  command: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  params: Type.Optional(Type.Record(Type.String(), ParamSchema)),
  allowed_flags: Type.Optional(Type.Array(Type.String())),
  flag_rules: Type.Optional(Type.Array(FlagInfo)),
  title: Type.Optional(Type.String()),
  stdin: Type.Optional(oneOf(STDIN_MODES)),
  output: Type.Optional(oneOf(OUTPUT_FORMS)),
  annotations: Type.Optional(AnnotationsSchema),
  timeout: Type.Optional(Type.Integer()),
  /** Whether a person is asked before it runs; missing: nobody is. */
  approval: Type.Optional(oneOf(ASKS)),
});

export const ListReplyFile = Type.Object({
  operations: Type.Optional(Type.Union([Type.Array(OperationInfoFile), Type.Null()])),
  error: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  revision: Type.Optional(Type.String()),
});

export const DescribeReplyFile = Type.Object({
  operation: Type.Optional(Type.Union([OperationInfoFile, Type.Null()])),
  error: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});

export type OperationReply = Static<typeof OperationReplyFile>;
export type ListReply = Static<typeof ListReplyFile>;
export type DescribeReply = Static<typeof DescribeReplyFile>;
export type OperationInfo = Static<typeof OperationInfoFile>;
export type FlagInfo = Static<typeof FlagInfo>;
