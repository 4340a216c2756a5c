import { type Static, Type } from "typebox";
import { RUN_STATES, STREAMS } from "../names.ts";
import { oneOf, trouble } from "./common.ts";

/** Runs: replies that only clients who ask get. */

/** A gap in what is kept of a stream: bytes from `from` up to and without `to`. */
const Gap = Type.Object({ from: Type.Integer(), to: Type.Integer() });
const KeptStream = Type.Object({
  /** Bytes and line breaks that the program wrote. */
  bytes: Type.Integer(),
  lines: Type.Integer(),
  missing: Type.Optional(Gap),
});

export const RunInfoFile = Type.Object({
  run_id: Type.String(),
  operation: Type.String(),
  project: Type.Optional(Type.String()),
  /** For the owner of the host only. */
  session: Type.Optional(Type.String()),
  state: oneOf(RUN_STATES),
  background: Type.Boolean(),
  started_at: Type.String(),
  duration_ms: Type.Integer(),
  exit_code: Type.Optional(Type.Integer()),
  signal: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  notice: Type.Optional(Type.String()),
  redacted: Type.Optional(Type.Integer()),
  stdout: KeptStream,
  stderr: KeptStream,
  last_line: Type.Optional(Type.String()),
});

export const OutputPageFile = Type.Object({
  run_id: Type.String(),
  stream: oneOf(STREAMS),
  state: oneOf(RUN_STATES),
  /** With grep: `LINE:text` for matches, `LINE-text` for lines around them, `--` between groups. */
  text: Type.String(),
  encoding: Type.Optional(Type.String()),
  /** Of the first byte of the page, and of the first byte behind it; with grep, behind what was searched. */
  offset: Type.Integer(),
  next_offset: Type.Integer(),
  /** The same in lines, counted from 1, when the page was asked for by lines or grep. */
  line: Type.Optional(Type.Integer()),
  next_line: Type.Optional(Type.Integer()),
  matches: Type.Optional(Type.Integer()),
  /** True when something is kept behind the page, or the run goes on. */
  more: Type.Boolean(),
  total_bytes: Type.Integer(),
  total_lines: Type.Integer(),
  missing: Type.Optional(Gap),
});

export const RunReplyFile = Type.Object({ run: Type.Optional(Type.Union([RunInfoFile, Type.Null()])), ...trouble() });
export const OutputReplyFile = Type.Object({
  page: Type.Optional(Type.Union([OutputPageFile, Type.Null()])),
  ...trouble(),
});
export const RunsReplyFile = Type.Object({
  runs: Type.Optional(Type.Union([Type.Array(RunInfoFile), Type.Null()])),
  ...trouble(),
});

export type RunInfo = Static<typeof RunInfoFile>;
export type OutputPage = Static<typeof OutputPageFile>;
export type RunReply = Static<typeof RunReplyFile>;
export type OutputReply = Static<typeof OutputReplyFile>;
export type RunsReply = Static<typeof RunsReplyFile>;
