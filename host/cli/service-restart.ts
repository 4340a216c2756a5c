import { CodedError } from "../../wire/errors.ts";
import { answers } from "../service/answer.ts";
import { started } from "../service/install.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { installedService, serviceManager } from "./service-manager.ts";

export const serviceRestart = command({
  path: ["service", "restart"],
  about:
    "Restart the service, and wait until the daemon answers. Running operations may finish first, within drain_timeout.",
  options: { json: JSON_SWITCH },
  examples: [["service restart", "Let an update of the program take effect"]],
  run: async (_values, context) => {
    const manager = serviceManager(context);
    const installed = installedService(manager, context);
    if (installed === undefined)
      throw new CodedError("not_found", "no service is installed", { hint: "Install it: cmd2host service install." });
    await manager.platform.requireManager();
    await manager.platform.restart();
    await started(manager.platform, async () => answers(installed.base.lockSocket));
    return { exit: 0, human: "The service runs again.\n", json: { restarted: true } };
  },
});
