import { type Static, Type } from "typebox";
import { OUTCOMES } from "../names.ts";
import { oneOf } from "./common.ts";

/** Frames of protocol 2. */

export const HelloFile = Type.Object({ protocol: Type.Integer(), capabilities: Type.Array(Type.String()) });

export const AcceptedFile = Type.Object({
  run_id: Type.String(),
  operation: Type.String(),
  /** True when the program reads what the client sends. */
  stdin: Type.Boolean(),
  timeout_seconds: Type.Number(),
});

export const NoticeFile = Type.Object({ text: Type.String(), code: Type.Optional(Type.String()) });

export const OutcomeFile = Type.Object({
  request_id: Type.Optional(Type.String()),
  run_id: Type.Optional(Type.String()),
  outcome: oneOf(OUTCOMES),
  exit_code: Type.Integer(),
  signal: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  notice: Type.Optional(Type.String()),
  /** Bytes that the program wrote; with `truncated`, more than were sent. */
  stdout_bytes: Type.Integer(),
  stderr_bytes: Type.Integer(),
  stdout_truncated: Type.Optional(Type.Boolean()),
  stderr_truncated: Type.Optional(Type.Boolean()),
  /** Places of the output, or of the message, that held a secret and were masked; absent for 0. */
  redacted: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Where the time went, for clients that asked: milliseconds by stage, each named after who spent them (`agent_run`). */
  timings: Type.Optional(Type.Record(Type.String(), Type.Number())),
  /** Standard output after the operation's filters, for clients that asked, and what they left out. */
  filtered: Type.Optional(Type.Object({ stdout: Type.String(), dropped: Type.Array(Type.String()) })),
});

export type Hello = Static<typeof HelloFile>;
export type Accepted = Static<typeof AcceptedFile>;
export type Notice = Static<typeof NoticeFile>;
export type OutcomeFields = Static<typeof OutcomeFile>;
