import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { targetPath } from "./target-change.ts";

export const fleetRemove = command({
  path: ["fleet", "remove"],
  about: "Take a machine out of the fleet: the gateway forgets its key, and ends the link to it at once.",
  options: { name: { kind: "word", about: "The target" }, ...GATEWAY_OPTIONS, json: JSON_SWITCH },
  examples: [["fleet remove web1", "For a machine that is gone, or in other hands"]],
  more: "For an administrator of the gateway. The agent goes on running there, and lets in the other gateways that it knows; cmd2host service or systemctl on the machine stops it.",
  run: async (values, context) => {
    await gatewayOf(values, context).ask("DELETE", targetPath(values.name));
    return { exit: 0, human: `Removed: ${printable(values.name)}\n`, json: { removed: values.name } };
  },
});
