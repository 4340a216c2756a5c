import { command, JSON_SWITCH } from "./command.ts";
import { requireRoot, systemPlace } from "./system-place.ts";
import { uninstallSystem } from "./system-uninstall.ts";

const KEPT = "Its base directory with policy, key and audit stays, and so do its user and the program.";

export const agentUninstall = command({
  path: ["agent", "uninstall"],
  about: "Stop the agent's service and remove its unit. Its directory, its user and the program stay. For root.",
  options: { json: JSON_SWITCH },
  examples: [["agent uninstall", "Running operations may finish first, within drain_timeout"]],
  run: async (_values, context) => {
    const place = systemPlace(context);
    requireRoot("agent uninstall");
    return uninstallSystem("agent", place, KEPT);
  },
});
