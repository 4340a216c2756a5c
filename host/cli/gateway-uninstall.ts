import { command, JSON_SWITCH } from "./command.ts";
import { requireRoot, systemPlace } from "./system-place.ts";
import { uninstallSystem } from "./system-uninstall.ts";

const KEPT = "gateway.toml, its directory with key and audit, its user and the program stay.";

export const gatewayUninstall = command({
  path: ["gateway", "uninstall"],
  about: "Stop the gateway's service and remove its unit. Its configuration and its directory stay. For root.",
  options: { json: JSON_SWITCH },
  examples: [["gateway uninstall", "Requests in flight may finish first"]],
  run: async (_values, context) => {
    const place = systemPlace(context);
    requireRoot("gateway uninstall");
    return uninstallSystem("gateway", place, KEPT);
  },
});
