import type { OutcomeFields } from "../../wire/schema.ts";
import { shortened } from "../../wire/text.ts";
import { GatewayClient } from "../fleet/gateway-client.ts";
import { gatewayPlace } from "../fleet/gateway-place.ts";
import { parseExecLine, type ExecLine } from "./exec-line.ts";
import { ExecProfile } from "./exec-profile.ts";
import { lookUp, meaningOf } from "./exec-trouble.ts";
import { OperationRun, sayUsage, type RunSurroundings } from "./operation-run.ts";

const EXIT_TROUBLE = 1;

function lostWords({ code, run_id: runId }: OutcomeFields, target: string): string {
  return code === "link_lost" && runId !== undefined ? `cmd2host: ${lookUp(runId, target)}\n` : "";
}

async function onOne(line: ExecLine, target: string, around: RunSurroundings): Promise<number> {
  const { request, gateway, noStdin, json } = line;
  const profile = line.profile ? new ExecProfile() : undefined;
  const what = "argv" in request ? request.argv.join(" ") : request.operation;
  return new OperationRun(
    {
      name: shortened(`${what} on ${target}`, 64),
      request,
      json,
      noStdin,
      profile: profile !== undefined,
      open: async () => Promise.resolve(openClient(gateway, target, around, profile)),
      exits: { notOpened: EXIT_TROUBLE, trouble: EXIT_TROUBLE },
      cancelled: (runId) =>
        `cancelled; the gateway has not said how the command ended${runId === undefined ? "" : ` (run ${runId})`}`,
      meaning: (error, runId) => meaningOf(error, runId, target),
      accepted: () => {
        profile?.mark("accepted");
      },
      output: () => {
        profile?.mark("first_byte");
      },
      ended: (outcome) => lostWords(outcome, target) + (profile?.text(outcome) ?? ""),
    },
    around,
  ).run();
}

/** @throws CodedError `gateway_missing` */
function openClient(
  gateway: ExecLine["gateway"],
  target: string,
  { environment }: RunSurroundings,
  profile: ExecProfile | undefined,
) {
  const client = new GatewayClient(gatewayPlace(gateway, environment));
  return client.on(target, () => {
    profile?.mark("connect");
  });
}

/**
 * Runs a command on a machine of the fleet, or on several. Returns the exit code, or "help" when the command line asks for that. What only few calls need is
 * loaded by them.
 */
export async function exec(argv: readonly string[], around: RunSurroundings): Promise<number | "help"> {
  let line: ExecLine | "help";
  try {
    line = parseExecLine(argv);
  } catch (error) {
    return sayUsage(error, around);
  }
  if (line === "help") return line;
  const { to } = line;
  if (typeof to !== "string") return (await import("./fan-out.ts")).fanOut(line, to, around);
  if (line.background) return (await import("./exec-background.ts")).startOn(line, to, around);
  return onOne(line, to, around);
}
