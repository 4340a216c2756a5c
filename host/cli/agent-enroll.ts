import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { EnrolmentDesk } from "../../link/enrolment.ts";
import { loadIdentity } from "../../link/identity.ts";
import { Pins } from "../../link/pins.ts";
import { redeem } from "../../link/redeem.ts";
import { natsPlace } from "../../nats/place.ts";
import { projectFiles, readPin } from "../project/pin.ts";
import { requireProjectId } from "../project/project-id.ts";
import { VERSION } from "../util/version.ts";
import { command, JSON_SWITCH } from "./command.ts";
import type { Context } from "./context.ts";

/** What of the agent's settings is needed here. */
interface AgentFacts {
  readonly name: string;
  readonly tags: readonly string[];
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly addresses: readonly string[];
  readonly nats: { readonly name: string } | undefined;
}

async function factsOf(context: Context): Promise<AgentFacts> {
  const { settings } = await context.daemon.settings(context.base());
  const { agent } = settings as { readonly agent?: AgentFacts };
  if (agent !== undefined) return agent;
  throw new CodedError("agent_config_invalid", 'daemon.json has no "agent", so this machine is none', {
    hint: "Run `cmd2host agent init`.",
  });
}

/** What keeps a gateway from doing anything here, although it is let in. */
function warningsOf(id: string, context: Context): string {
  const files = projectFiles(context.base().projects, id);
  if (!existsSync(files.config)) return `warning: there is no policy ${id} yet: cmd2host agent init --project=${id}\n`;
  return readPin(files) === undefined
    ? `warning: the policy ${id} is not allowed yet: cmd2host config allow ${id}\n`
    : "";
}

/** By which a gateway may reach this machine, the likeliest first. */
function addressesOf(facts: AgentFacts): readonly string[] {
  const { nats, addresses } = facts;
  if (addresses.length > 0) return addresses;
  return [...networkAddresses(facts), ...(nats === undefined ? [] : [natsPlace(nats.name)])];
}

function networkAddresses({ listen }: AgentFacts): readonly string[] {
  if (listen === undefined) return [];
  const at = (host: string): string => (host.includes(":") ? `[${host}]:${listen.port}` : `${host}:${listen.port}`);
  if (listen.host !== "0.0.0.0" && listen.host !== "::") return [at(listen.host)];
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => at(address));
  return (own.length === 0 ? [at("127.0.0.1")] : own).slice(0, 4);
}

export const agentEnroll = command({
  path: ["agent", "enroll"],
  about: "Make a code by which a gateway takes this machine in, or use the code of a gateway.",
  options: {
    code: { kind: "optional_word", about: "A code of `cmd2host fleet invite`; without one, a code is made" },
    project: { kind: "text", about: "The policy that the gateway gets", placeholder: "ID", default: "machine" },
    address: {
      kind: "texts",
      about: "HOST:PORT by which the gateway reaches this machine (default: its own addresses)",
      placeholder: "PLACE",
    },
    minutes: { kind: "text", about: "How long the code can be used", placeholder: "N", default: "15" },
    json: JSON_SWITCH,
  },
  examples: [
    ["agent enroll", "Make a code; the gateway uses it with `cmd2host fleet add CODE`"],
    ["agent enroll CODE", "Use the code of a gateway; from then on this machine dials out to it"],
  ],
  run: async ({ code, project, address, minutes }, context) => {
    const facts = await factsOf(context);
    const base = context.base();
    const id = requireProjectId(project);
    const identity = await loadIdentity(base.link);
    const pins = new Pins(base.gateways);
    const self = { name: facts.name, about: { tags: [...facts.tags], version: VERSION } };
    // Which policy a gateway gets is said here, never by the gateway.
    const about = { project: id };
    if (code !== undefined) {
      const pin = await redeem(code, { identity, pins, self, about });
      return {
        exit: 0,
        human: `Enrolled at gateway ${printable(pin.name)}; the agent dials ${pin.addresses.map(printable).join(", ")}.\n`,
        json: { gateway: pin.name, addresses: pin.addresses, project: id },
        stderr: warningsOf(id, context),
      };
    }
    if (!/^\d{1,4}$/.test(minutes) || Number(minutes) < 1)
      throw new CodedError("usage", `--minutes ${printable(minutes)} is no number of minutes`);
    const addresses = address.length > 0 ? address : addressesOf(facts);
    if (addresses.length === 0)
      throw new CodedError("enrolment_invalid", "this machine only dials out (agent.listen is false)", {
        hint: "Use a code of the gateway: `cmd2host fleet invite` there, `cmd2host agent enroll CODE` here.",
      });
    const desk = new EnrolmentDesk({ directory: base.enrolment, identity, pins, self: () => self });
    const lifetimeMs = Number(minutes) * 60_000;
    const made = await desk.make({ kind: "agent", addresses, lifetimeMs, about });
    return {
      exit: 0,
      human: `${made.code}\n\nOn the gateway's side, within ${minutes} minutes, once:\n  cmd2host fleet add CODE\nThe agent must be running (cmd2host agent), and reachable at ${addresses.map(printable).join(" or ")}.\n`,
      json: { code: made.code, expires_at: made.expiresAt.toISOString(), addresses, project: id },
      stderr: warningsOf(id, context),
    };
  },
});
