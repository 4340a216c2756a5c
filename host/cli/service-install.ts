import { printable } from "../../wire/text.ts";
import { install, type Installed } from "../service/install.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { serviceManager } from "./service-manager.ts";
import { servicePlan } from "./service-recipe.ts";

const DONE: Readonly<Record<Installed["did"], string>> = {
  installed: "The service is installed and runs.",
  updated: "The service is updated and runs.",
  restarted: "The service runs again.",
  nothing: "The service runs already, with exactly this; nothing was changed.",
};

export const serviceInstall = command({
  path: ["service", "install"],
  about:
    "Have the daemon run in the background, now and after each login: a systemd user unit, or a launchd agent on macOS.",
  options: {
    env: { kind: "texts", about: "Give the service this variable too, as it is set here", placeholder: "NAME" },
    strict: {
      kind: "switch",
      about: "systemd: forbid everything that gains rights when it starts (sudo, rootless podman, ping)",
    },
    "dry-run": { kind: "switch", about: "Print the unit or property list, and change nothing" },
    json: JSON_SWITCH,
  },
  examples: [
    ["service install", "Start it, and at each login"],
    ["service install --dry-run", "See what would be installed"],
    ["service install --env=AWS_PROFILE", "Let operations see a variable of this shell"],
  ],
  more: "It runs the program that this command line was started with, by its absolute path, with the PATH of this shell without entries that lie in workspaces, and with CMD2HOST_CONFIG_DIR and DAEMON_CONFIG when they are set. Run it again after an update, or when one of them has changed: it replaces the definition, restarts when something is different, and changes nothing in the base directory. A definition of somebody else is kept beside it, as .old. Values of --env stand in the definition in clear text.",
  run: async ({ env, strict, "dry-run": isDry }, context) => {
    const { recipe, notes } = await servicePlan(context, env, strict);
    const manager = serviceManager(context);
    const { platform } = manager;
    const say = (texts: readonly string[]): string => texts.map((text) => `note: ${text}\n`).join("");
    if (isDry) {
      const definition = platform.definition(recipe);
      return { exit: 0, human: definition, json: { file: platform.file, definition, notes }, stderr: say(notes) };
    }
    makePrivateDirectory(context.base().root);
    const { did, keptAs, state } = await install(platform, recipe, context.base().lockSocket);
    const all = [
      ...(keptAs === undefined ? [] : [`what was there is now ${printable(keptAs)}`]),
      ...notes,
      ...platform.advice(state),
    ];
    const lines = [
      `  definition  ${printable(platform.file)}`,
      `  program     ${recipe.program.map(printable).join(" ")} serve`,
      ...[...recipe.environment].map(([name, value]) => `  ${name.padEnd(10)}  ${printable(value)}`),
    ];
    return {
      exit: 0,
      human: `${DONE[did]}\n${lines.map((line) => `${line}\n`).join("")}`,
      json: {
        did,
        file: platform.file,
        program: recipe.program,
        environment: Object.fromEntries(recipe.environment),
        kept_as: keptAs ?? null,
        notes: all,
      },
      stderr: say(all),
    };
  },
});
