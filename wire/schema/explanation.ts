import { type Static, Type } from "typebox";
import { ALLOWANCES, STDIN_MODES, STEPS, VERDICTS } from "../names.ts";
import { oneOf, trouble } from "./common.ts";

/** What would become of a request. What the owner of the host alone may see is missing for everybody else. */
export const ExplanationFile = Type.Object({
  /** Always true: nothing was run, written or counted. */
  dry_run: Type.Boolean(),
  verdict: oneOf(VERDICTS),
  /** Why not, as the request itself would be told. */
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  project: Type.Optional(Type.String()),
  operation: Type.Optional(Type.String()),
  target: Type.Optional(Type.String()),
  /** How it went, in the order of the steps. */
  steps: Type.Array(
    Type.Object({
      step: oneOf(STEPS),
      result: oneOf(["passed", "stopped", "not_reached"]),
      /** What decided: a member of the configuration, or the code of what stopped it. */
      rule: Type.Optional(Type.String()),
      /** What was found. For the owner of the host only. */
      says: Type.Optional(Type.String()),
    }),
  ),
  /** Operations that a command line comes close to, the nearest first. */
  near: Type.Optional(Type.Array(Type.Object({ operation: Type.String(), why: Type.String(), form: Type.String() }))),
  /** What would run. */
  plan: Type.Optional(
    Type.Object({
      /** The program's name and its arguments; files are named as in the workspace. */
      argv: Type.Array(Type.String()),
      runs_in: oneOf(["workspace", "empty_directory", "own_repository", "fleet"]),
      timeout_seconds: Type.Number(),
      stdin: oneOf(STDIN_MODES),
      max_stdin_bytes: Type.Optional(Type.Integer()),
      max_stdout_bytes: Type.Optional(Type.Integer()),
      max_stderr_bytes: Type.Optional(Type.Integer()),
      inputs: Type.Optional(
        Type.Array(Type.Object({ param: Type.String(), path: Type.String(), bytes: Type.Integer() })),
      ),
      output: Type.Optional(Type.String()),
      notice: Type.Optional(Type.String()),
      // for the owner of the host only
      program: Type.Optional(Type.String()),
      cwd: Type.Optional(Type.String()),
      /** On a machine: as whom. */
      user: Type.Optional(Type.String()),
      profile: Type.Optional(Type.String()),
      /** Names; values are never shown. */
      env: Type.Optional(Type.Array(Type.String())),
      commit: Type.Optional(Type.String()),
    }),
  ),
  /** Whether a person would be asked; missing when nothing would run. */
  asks: Type.Optional(
    Type.Object({
      person: Type.Boolean(),
      why: Type.Optional(Type.String()),
      answers: Type.Optional(Type.Array(oneOf(ALLOWANCES))),
      via: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});

export const ExplanationReplyFile = Type.Object({
  explanation: Type.Optional(Type.Union([ExplanationFile, Type.Null()])),
  ...trouble(),
});

export type Explanation = Static<typeof ExplanationFile>;
export type ExplanationReply = Static<typeof ExplanationReplyFile>;
