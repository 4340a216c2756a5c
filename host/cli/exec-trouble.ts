import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";

/** How a run on a machine can be looked for later, in a sentence. */
export function lookUp(runId: string, target: string): string {
  return `Ask for it when the target is back: cmd2host runs show ${printable(runId)} --target=${printable(target)}`;
}

/**
 * What trouble on the way to a machine means for a command there.
 * @param runId undefined when the machine had not taken it yet, as far as is known
 */
export function meaningOf(error: CodedError, runId: string | undefined, target: string): CodedError {
  if (error.code !== "reply_invalid") return error;
  if (runId === undefined)
    return new CodedError("gateway_unreachable", `the gateway did not answer to the end: ${error.message}`, {
      cause: error,
      hint: "Nothing was started as far as is known here; look whether the gateway runs, and call again.",
    });
  return new CodedError(
    "link_lost",
    `the connection to the gateway broke while the command ran, and how it ended is not known here (run ${printable(runId)})`,
    { cause: error, hint: lookUp(runId, target) },
  );
}
