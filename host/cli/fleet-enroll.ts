import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../wire/errors.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { redeemAt } from "./fleet-add.ts";
import { gatewayOf, textIn } from "./fleet-client.ts";
import { executableFor } from "./fleet-executable.ts";
import { toldWork } from "./fleet-interrupt.ts";
import {
  agentUser,
  installProgram,
  onMachine,
  placesOf,
  SSH_OPTIONS,
  startAnew,
  type Places,
} from "./fleet-machine.ts";
import { quotedWord, type Ssh } from "./fleet-ssh.ts";
import type { ListedTarget } from "./fleet-targets.ts";
import { targetWords } from "./target-change.ts";

/** How long an agent may take from its start until it listens. */
const LISTENS_MS = 30_000;
const AGAIN_MS = 500;
const MAX_CODE = 4_096;

/** The code in what `agent enroll --json` says. @throws CodedError `ssh_failed` */
function codeIn(answer: string, ssh: Ssh): string {
  try {
    const code = textIn(JSON.parse(answer.slice(answer.indexOf("{"))), "code");
    if (code.length <= MAX_CODE) return code;
  } catch {
    // said below
  }
  throw new CodedError("ssh_failed", `${ssh.name}: the machine made no code`);
}

/** The gateway connects to the agent, which has just been started. @throws CodedError */
async function redeemed(
  client: GatewayClient,
  code: string,
  name: string | undefined,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<ListedTarget> {
  const until = performance.now() + LISTENS_MS;
  for (;;) {
    try {
      return await redeemAt(client, code, name, tags);
    } catch (error) {
      const mayListen = error instanceof CodedError && error.code === "target_unreachable";
      if (!mayListen || performance.now() > until || signal.aborted) throw error;
      await sleep(AGAIN_MS);
    }
  }
}

interface Enrolling {
  readonly ssh: Ssh;
  readonly places: Places;
  readonly user: string;
  readonly name: string | undefined;
  readonly tags: readonly string[];
  readonly addresses: readonly string[];
  readonly dials: boolean;
  readonly signal: AbortSignal;
}

/** Lets the machine and the gateway know each other. Returns what the target is. */
async function introduce(client: GatewayClient, enrolling: Enrolling): Promise<string> {
  const { ssh, places, user, name, tags, addresses, dials, signal } = enrolling;
  const { program, state } = places;
  if (dials) {
    const { body } = await client.ask("POST", "/v2/invitations", { name, tags, addresses });
    await ssh.text("enroll", program, state, user, textIn(body, "code"));
    return `${name ?? "the machine"} dials in`;
  }
  const answer = await ssh.text("enroll", program, state, user, ...addresses.map((address) => `--address=${address}`));
  return targetWords(await redeemed(client, codeIn(answer, ssh), name, tags, signal));
}

export const fleetEnroll = command({
  path: ["fleet", "enroll"],
  about: "Install an agent on a machine over ssh, start it, and take the machine into the fleet.",
  options: {
    ...SSH_OPTIONS,
    name: { kind: "text", about: "What it is to be called (default: its host name)", placeholder: "NAME" },
    tag: { kind: "texts", about: "A tag of it", placeholder: "TAG" },
    template: {
      kind: "text",
      about: "Its policy: fleet_readonly, fleet_ops or fleet_shell; see cmd2host templates",
      placeholder: "NAME",
      default: "fleet_readonly",
    },
    "run-as": { kind: "text", about: "User that programs run as; needs --root", placeholder: "USER" },
    root: { kind: "switch", about: "Let the agent run as root (default: a user of its own, cmd2host)" },
    listen: { kind: "text", about: "ADDRESS:PORT where it listens (default: 0.0.0.0:9876)", placeholder: "PLACE" },
    address: {
      kind: "texts",
      about: "Where the gateway reaches it (default: its own addresses); with --dial, where it reaches the gateway",
      placeholder: "HOST:PORT",
    },
    dial: { kind: "switch", about: "Let the machine dial out to the gateway, instead of listening" },
    strict: { kind: "switch", about: "Let systemd confine the agent to reading, for a policy such as fleet_readonly" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["fleet enroll root@web1.lan --tag=web", "Install, start, and enrol it, with a policy that only looks"],
    ["fleet enroll admin@db1.lan --template=fleet_ops --root --run-as=deploy", "Let it restart services, too"],
    ["fleet enroll me@box --prefix=/home/me/cmd2host --dial", "Without root, from behind NAT"],
  ],
  more: "For an administrator of the gateway who may log in to the machine. The program goes to /usr/local/bin/cmd2host, everything else of the agent to /var/lib/cmd2host, and systemd keeps it running (cmd2host agent install); without systemd it is started once. A policy that is there is kept. Every step is said, and steps that are done are not done twice, so the command can be run again. ssh is the system's, with your configuration and your keys; on the machine runs one fixed script of ours, by sh.",
  run: async (values, context) =>
    toldWork(context, async (signal) => {
      const { name, tag: tags, prefix, root, template, listen, dial, address: addresses, strict, json } = values;
      const runAs = values["run-as"];
      if (runAs !== undefined && !root)
        throw new CodedError("usage", "--run-as needs an agent that runs as root", { hint: "Add --root." });
      // Before anything is done there.
      for (const value of [name, ...tags, template, listen, ...addresses, runAs]) quotedWord(value ?? "");
      const client = gatewayOf(values, context);
      const executable = await executableFor(values.executable, context.cwd);
      // Whether the gateway can be asked at all.
      await client.ask("GET", "/v2/gateway", undefined, signal);
      return onMachine(values, json, signal, context, async (ssh, probed, tell) => {
        const user = agentUser(prefix, root, probed);
        const places = placesOf(prefix, probed, ssh);
        const { program, state, service } = places;
        const version = await installProgram(ssh, executable, probed, program, tell);
        const isService = service === "systemd";
        if (prefix === undefined && !isService) {
          await tell(`has the user ${user}, and ${state} for the agent`);
          await ssh.step("account", user, state);
        }
        const options = [
          `--template=${template}`,
          "--allow",
          `--name=${name ?? probed.host.replace(/[^A-Za-z0-9._-]/g, "-")}`,
          ...tags.map((tag) => `--tag=${tag}`),
          ...(runAs === undefined ? [] : [`--run-as=${runAs}`]),
          ...(dial ? ["--dial-only"] : listen === undefined ? [] : [`--listen=${listen}`]),
          ...(user === "root" ? ["--allow-root"] : []),
        ];
        // A service is given what root has made.
        const kept = (await ssh.step("init", program, state, isService ? "root" : user, ...options)).get("kept");
        await tell(kept === "yes" ? "keeps the policy that is there" : `has the policy ${template}`);
        if (isService) {
          await tell("has systemd run the agent, as cmd2host-agent");
          const as = user === "root" ? "--root" : `--user=${user}`;
          await ssh.step("service", program, state, as, ...(strict ? ["--strict"] : []));
        } else {
          await tell("starts the agent (not again after a reboot)");
          await startAnew(ssh, places, user);
        }
        await tell("is made known to the gateway");
        const enrolling = { ssh, places, user, name, tags, addresses, dials: dial, signal };
        const words = await introduce(client, enrolling);
        await tell(`enrolled: ${words} (${version})`);
        return { exit: 0, human: "", json: { machine: values.machine, target: words, version, program, state, user } };
      });
    }),
});
