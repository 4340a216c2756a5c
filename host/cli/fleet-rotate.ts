import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { factsIn } from "./fleet-facts.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";

const MAX_NAMED = 20;

function named(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).map(printable).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

async function promote(client: GatewayClient, force: boolean): Promise<Report> {
  const before = factsIn((await client.ask("GET", "/v2/gateway")).body);
  const { unaware: left } = before;
  if (left === undefined)
    throw new CodedError("usage", "there is no next key", { hint: "Make one first: cmd2host fleet rotate." });
  if (left.length > 0 && !force)
    throw new CodedError("link_refused", `these machines do not know the next key yet: ${named(left)}`, {
      hint: "Wait until they have been connected, and try again; or write --force, and enrol them again afterwards.",
    });
  const after = factsIn((await client.ask("POST", "/v2/key/promote")).body);
  return {
    exit: 0,
    human: `The gateway has its new key: ${printable(after.key)}\n`,
    json: { key: after.key, old_key: before.key, lost: left },
    stderr: left.length === 0 ? "" : `warning: to be enrolled again: ${named(left)}\n`,
  };
}

async function rotate(client: GatewayClient): Promise<Report> {
  const facts = factsIn((await client.ask("POST", "/v2/key/rotate")).body);
  const left = facts.unaware ?? [];
  return {
    exit: 0,
    human: `Next key: ${printable(facts.nextKey ?? "")}\nMachines that are connected are told of it${
      left.length === 0 ? "; all of them know it" : `; not yet known by ${named(left)}`
    }.\n\nWhen all know it (cmd2host fleet key):\n  cmd2host fleet rotate --promote\n`,
    json: facts.fields,
  };
}

export const fleetRotate = command({
  path: ["fleet", "rotate"],
  about: "Make a new key for the gateway, and go over to it when all machines know it.",
  options: {
    promote: { kind: "switch", about: "Go over to the new key" },
    force: { kind: "switch", about: "With --promote: although machines do not know it, which must be enrolled again" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["fleet rotate", "Make the key; machines that are connected learn of it at once, others when they come"],
    ["fleet rotate --promote", "Use it from now on"],
  ],
  more: "For an administrator of the gateway. No machine has to be touched: each learns the new key over the link that the old one secures.",
  run: async (values, context) => {
    const client = gatewayOf(values, context);
    if (values.promote) return promote(client, values.force);
    if (values.force) throw new CodedError("usage", "--force goes with --promote");
    return rotate(client);
  },
});
