import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { isEnvName, judgeEnvName } from "../project/env-rules.ts";
import type { Operation } from "../project/types.ts";

/** All names and values together, in bytes: less than what a system takes with arguments beside it. */
const MAX_ENV_BYTES = 524_288;

function mayBeSet({ machine }: Operation, name: string): boolean {
  if (machine === undefined) return false;
  if (machine.env === "any") return true;
  // The names of the loader choose what code runs, whatever a pattern says.
  if (judgeEnvName(name) === "never") return false;
  return machine.env.some((glob) => glob.ok && glob.glob.matches(name, false));
}

/**
 * Holds the variables that a caller sends against what the operation lets it set.
 * @throws CodedError `env_denied`, `request_invalid`
 */
export function checkCallerEnv(operation: Operation, env: ReadonlyMap<string, string>): void {
  let bytes = 0;
  for (const [name, value] of env) {
    const shown = quoted(shortened(name, 120));
    if (!isEnvName(name)) throw new CodedError("request_invalid", `env: ${shown} cannot be the name of a variable`);
    if (value.includes("\0")) throw new CodedError("request_invalid", `env: the value of ${shown} has a NUL`);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
    if (!mayBeSet(operation, name))
      throw new CodedError("env_denied", `operation ${quoted(operation.id)} does not let callers set ${shown}`);
  }
  if (bytes > MAX_ENV_BYTES)
    throw new CodedError("request_invalid", `env: ${bytes} bytes; at most ${MAX_ENV_BYTES} are accepted`);
}
