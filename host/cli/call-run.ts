import { checkoutAt } from "../../wire/checkout.ts";
import { DaemonClient } from "../../wire/client.ts";
import { shortened } from "../../wire/text.ts";
import { addressOf, tokenOf } from "../../wire/whereabouts.ts";
import { ownSocket } from "./call-daemon.ts";
import { parseCallLine, type CallLine } from "./call-line.ts";
import { OperationRun, sayUsage, type RunSurroundings } from "./operation-run.ts";

/** These two are the original's. */
const EXIT_TROUBLE = 200;
const EXIT_NO_TOKEN = 201;

/** Who is asked. @throws CodedError `token_missing`, `file_failed` */
async function clientFor({ where }: CallLine, environment: NodeJS.ProcessEnv): Promise<DaemonClient> {
  const token = await tokenOf(where.tokenFile, environment);
  return new DaemonClient(
    addressOf(where, environment, () => ownSocket(environment)),
    token,
  );
}

/**
 * Runs one operation: its output goes to ours as it comes, and what we say ourselves to standard error. Returns the exit code, or "help" when
 * the command line asks for that.
 */
export async function call(argv: readonly string[], around: RunSurroundings): Promise<number | "help"> {
  const { environment, cwd } = around;
  let line: CallLine | "help";
  try {
    line = parseCallLine(argv, environment["HOST_CMD_PROXY_TARGET_REPO"]);
  } catch (error) {
    return sayUsage(error, around);
  }
  if (line === "help") return line;
  const { request, json, noStdin } = line;
  const found = line;
  return new OperationRun(
    {
      name: shortened("argv" in request ? request.argv.join(" ") : request.operation, 64),
      request: "argv" in request ? { ...request, cwd: checkoutAt(cwd) } : request,
      json,
      noStdin,
      open: async () => clientFor(found, environment),
      exits: { notOpened: EXIT_NO_TOKEN, trouble: EXIT_TROUBLE },
      cancelled: () => "cancelled; the daemon has not said how the command ended",
    },
    around,
  ).run();
}
