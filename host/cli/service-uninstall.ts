import { printable } from "../../wire/text.ts";
import { uninstall } from "../service/install.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { serviceManager } from "./service-manager.ts";

export const serviceUninstall = command({
  path: ["service", "uninstall"],
  about: "Stop the service and remove its definition. Configurations, tokens and the program stay.",
  options: { json: JSON_SWITCH },
  examples: [["service uninstall", "Running operations may finish first, within drain_timeout"]],
  run: async (_values, context) => {
    const { platform } = serviceManager(context);
    const removed = await uninstall(platform);
    return {
      exit: 0,
      human: removed
        ? `The service is stopped and ${printable(platform.file)} removed. ${printable(context.base().root)} is as it was.\n`
        : `No service is installed (${printable(platform.file)} is not there).\n`,
      json: { removed, file: platform.file },
    };
  },
});
