import { ALLOWED_BY, entryOf, type Code } from "./codes.ts";

/**
 * The one error that is meant for a person or an agent: a stable code, what was wrong and where, and what to do.
 * Thrown by any step, caught once (`host/engine/handle.ts`, `host/cli/run.ts`). Anything else that is thrown is a bug.
 */
export class CodedError extends Error {
  override readonly name = "CodedError";
  readonly code: Code;
  /** What to do; the code's own hint unless the thrower knows better. Behind it, who could allow it. */
  readonly hint: string;

  constructor(code: Code, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    const { hint, allowedBy } = entryOf(code);
    const closing = allowedBy === undefined ? "" : ALLOWED_BY[allowedBy];
    const own = options.hint ?? hint;
    // What is passed on has been said already.
    this.hint = closing === "" || own.endsWith(closing) ? own : `${own} ${closing}`;
  }
}

/** What `work` returns, or what `otherwise` makes of a `CodedError`. A bug is thrown on. */
export function attempt<T>(work: () => T, otherwise: (error: CodedError) => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CodedError) return otherwise(error);
    throw error;
  }
}

/** The system error code (`ENOENT`, …) of what a system call threw, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
