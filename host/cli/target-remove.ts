import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { targetPath } from "./target-change.ts";

export const targetRemove = command({
  path: ["target", "remove"],
  about: "Take a machine that was added out of the gateway.",
  options: { name: { kind: "word", about: "The target" }, ...GATEWAY_OPTIONS, json: JSON_SWITCH },
  examples: [["target remove desk", "The gateway forgets it"]],
  more: "For an administrator of the gateway. What stands in gateway.toml, or comes from Proxmox, is taken out there. Of a machine that is enrolled this is the same as cmd2host fleet remove.",
  run: async (values, context) => {
    await gatewayOf(values, context).ask("DELETE", targetPath(values.name));
    return { exit: 0, human: `Removed: ${printable(values.name)}\n`, json: { removed: values.name } };
  },
});
