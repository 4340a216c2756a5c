import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { factsIn } from "./fleet-facts.ts";

export const fleetKey = command({
  path: ["fleet", "key"],
  about: "Say what the gateway is: its version, the key by which machines know it, and the next one.",
  options: { ...GATEWAY_OPTIONS, json: JSON_SWITCH },
  examples: [["fleet key", "Compare the fingerprint with what a machine says"]],
  more: "For an administrator of the gateway.",
  run: async (values, context) => {
    const { body } = await gatewayOf(values, context).ask("GET", "/v2/gateway");
    const { version, key, targets, linkPort, unaware, fields } = factsIn(body);
    const rows = [
      ["Version", version],
      ["Key", key],
      ["Targets", String(targets)],
      ["Machines dial in at port", linkPort === undefined ? "none ([link] is not in gateway.toml)" : String(linkPort)],
      ...(unaware === undefined
        ? []
        : [["Next key", unaware.length === 0 ? "all machines know it" : `not yet known by ${unaware.join(", ")}`]]),
    ];
    const human = rows.map(([title = "", value = ""]) => `${context.style.strong(`${title}:`)} ${printable(value)}\n`);
    return { exit: 0, human: human.join(""), json: fields };
  },
});
