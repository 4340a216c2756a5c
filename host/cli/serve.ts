import type { Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { command } from "./command.ts";

/** How the original begins these messages; scripts look for it. */
const PREFIXES: ReadonlyMap<Code, string> = new Map([
  ["base_unusable", "Server initialization error: "],
  ["daemon_config_invalid", "Daemon config error: "],
  ["daemon_already_running", "Server error: "],
  ["listen_failed", "Server error: "],
]);

function prefixed(error: unknown): unknown {
  if (!(error instanceof CodedError)) return error;
  const prefix = PREFIXES.get(error.code);
  if (prefix === undefined || error.message.startsWith(prefix)) return error;
  return new CodedError(error.code, prefix + error.message, { hint: error.hint, cause: error });
}

export const serve = command({
  path: ["serve"],
  about: "Start the daemon and run until SIGTERM or SIGINT.",
  options: {},
  examples: [["serve", "Serve the projects of ~/.cmd2host, or of CMD2HOST_CONFIG_DIR"]],
  more: "Without a command, cmd2host does the same when its output is not a terminal.",
  run: async (_values, context) => {
    try {
      return { exit: await context.daemon.serve(context.environment), human: "", json: null };
    } catch (error) {
      throw prefixed(error);
    }
  },
});
