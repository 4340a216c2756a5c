import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf, memberIn } from "./fleet-client.ts";
import { executableFor } from "./fleet-executable.ts";
import { toldWork } from "./fleet-interrupt.ts";
import {
  installProgram,
  onMachine,
  placesOf,
  SSH_OPTIONS,
  startAnew,
  type Places,
  type Probed,
  type Tell,
} from "./fleet-machine.ts";
import type { Answers, Ssh } from "./fleet-ssh.ts";
import { pingTarget } from "./ping.ts";
import { wholeNumber } from "./runs-find.ts";

const AGAIN_MS = 500;
/** The version before gets the time that it may need, however little patience somebody has with the new one. */
const BACK_MS = 60_000;

/** What the machine calls itself, as its daemon.json says. */
function ownName(facts: Answers, { host }: Probed): string {
  try {
    const name = memberIn(memberIn(JSON.parse(facts.get("daemon") ?? ""), "agent"), "name");
    if (typeof name === "string") return name;
  } catch {
    // It says nothing, so it is called as its host.
  }
  return host;
}

interface Upgrading {
  readonly client: GatewayClient;
  readonly ssh: Ssh;
  readonly places: Places;
  readonly user: string;
  readonly target: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

/** Waits until an agent answers that was started after `since`. Returns its version; undefined when none does in time. */
async function answered({ client, target, waitMs, signal }: Upgrading, since: number): Promise<string | undefined> {
  const until = performance.now() + waitMs;
  while (performance.now() < until && !signal.aborted) {
    const { error, uptimeSeconds, version } = await pingTarget(client, target);
    // The one before has been up for longer.
    if (error === undefined && uptimeSeconds <= (performance.now() - since) / 1_000) return version;
    await sleep(AGAIN_MS);
  }
  return undefined;
}

/** Starts the agent anew. Returns the version that answers then; undefined when none does. @throws CodedError `cancelled` */
async function restarted(upgrading: Upgrading): Promise<string | undefined> {
  const { ssh, places, user, tell } = upgrading;
  await tell("starts the agent anew");
  const since = performance.now();
  try {
    await startAnew(ssh, places, user);
  } catch (error) {
    // A service manager says so at once when a program does not start.
    if (error instanceof CodedError && error.code === "ssh_failed") return undefined;
    throw error;
  }
  await tell("waits for it to answer the gateway");
  return answered(upgrading, since);
}

/** Back to the program before. @throws CodedError always: `ssh_failed` */
async function goBack(upgrading: Upgrading, version: string): Promise<never> {
  const { ssh, places, waitMs, target, tell } = upgrading;
  await ssh.step("log", places.state, places.service).catch(() => undefined);
  await tell(`does not answer with ${version}; goes back to the version before`);
  await ssh.step("back", places.program);
  const old = await restarted({ ...upgrading, waitMs: Math.max(waitMs, BACK_MS) });
  const words = old === undefined ? "and does not answer either" : `which answers (${old})`;
  throw new CodedError("ssh_failed", `${target} did not answer within ${waitMs / 1_000} s with ${version}`, {
    hint: `The version before is installed again, ${words}. What the new one said stands above.`,
  });
}

export const fleetUpgrade = command({
  path: ["fleet", "upgrade"],
  about: "Bring the agent of a machine to another version over ssh, and back when the new one does not answer.",
  options: {
    ...SSH_OPTIONS,
    name: { kind: "text", about: "The target (default: what the machine calls itself)", placeholder: "NAME" },
    wait: {
      kind: "text",
      about: "How long the new one may take until it answers",
      placeholder: "SECONDS",
      default: "60",
    },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["fleet upgrade root@web1.lan --executable=cmd2host-linux-x64", "Replace the program, and look whether it answers"],
  ],
  more: "What runs on the machine gets the time that daemon.json gives it (drain_timeout), and is then ended. The program before stays beside the new one, as cmd2host.old.",
  run: async (values, context) =>
    toldWork(context, async (signal) => {
      const { name, prefix, wait, json } = values;
      const waitMs = wholeNumber("--wait", wait, 1, 3_600) * 1_000;
      const client = gatewayOf(values, context);
      const executable = await executableFor(values.executable, context.cwd);
      return onMachine(values, json, signal, context, async (ssh, probed, tell) => {
        const places = placesOf(prefix, probed, ssh);
        const facts = await ssh.step("facts", places.program, places.state);
        const target = name ?? ownName(facts, probed);
        // Otherwise nobody could say whether the new one answers.
        const { error } = await pingTarget(client, target);
        if (error !== undefined)
          throw new CodedError(error.code, `${target} does not answer before the upgrade: ${error.message}`, {
            hint: "Name the target with --name if it is called otherwise at the gateway.",
          });
        const before = facts.get("version") ?? "unknown";
        const service = facts.get("unit") === "yes" && prefix === undefined ? "systemd" : "alone";
        const version = await installProgram(ssh, executable, probed, places.program, tell);
        const user = facts.get("user") ?? probed.user;
        const upgrading = { client, ssh, places: { ...places, service }, user, target, waitMs, signal, tell } as const;
        const running = await restarted(upgrading);
        if (running === undefined) await goBack(upgrading, version);
        await tell(`answers: ${printable(before)} is now ${printable(version)}`);
        return { exit: 0, human: "", json: { machine: values.machine, target, before, version } };
      });
    }),
});
