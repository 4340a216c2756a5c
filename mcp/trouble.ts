import { CODES } from "../wire/codes.ts";
import { CodedError } from "../wire/errors.ts";

/** Why there is no result: what was said, and what to do as far as it is known. */
export interface Trouble {
  readonly reason: string;
  readonly code?: string | undefined;
  readonly hint?: string | undefined;
}

/** The trouble that a call to the daemon threw. Anything but a `CodedError` is a bug and is thrown on. */
export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof CodedError)) throw error;
  return { reason: error.message, code: error.code, hint: error.hint };
}

/** What the original daemon, which sends no codes, says to a token that it does not accept. */
const REFUSED_TOKEN = "Authentication failed";

/** The same trouble; a refused token also says how this server gets another one. */
export function withTokenAdvice(trouble: Trouble, advice: string): Trouble {
  const refused = trouble.code === undefined ? trouble.reason === REFUSED_TOKEN : trouble.code === "unauthenticated";
  return refused ? { ...trouble, hint: `${trouble.hint ?? CODES.unauthenticated.hint} ${advice}` } : trouble;
}
