import { isAbsolute } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { requireUserName } from "../service/system-account.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { installedGateway, installGateway, shownGateway, type GatewayWish } from "./gateway-service.ts";
import { requireRoot, systemPlace, type SystemPlace } from "./system-place.ts";

const USER = "cmd2host-gateway";
const CONFIG = "/etc/cmd2host-gateway/gateway.toml";

/** What a command line says; what it does not say is as it was installed. */
export interface GatewayWords {
  readonly config: string | undefined;
  readonly user: string | undefined;
  readonly strict: boolean;
  readonly open: boolean;
}

/** @throws CodedError `usage`, `file_failed` */
export function gatewayWish({ config, user, strict, open }: GatewayWords, place: SystemPlace): GatewayWish {
  if (strict && open) throw new CodedError("usage", "--strict and --open exclude each other");
  if (config !== undefined && !isAbsolute(config))
    throw new CodedError("usage", `--config ${quoted(config)} is no absolute path`);
  const before = installedGateway(place);
  return {
    config: config ?? before?.config ?? CONFIG,
    user: requireUserName(user ?? before?.user ?? USER),
    strict: strict || (!open && before?.strict === true),
  };
}

export const gatewayInstall = command({
  path: ["gateway", "install"],
  about: "Have the gateway run from now on, as a service of the system (a unit of systemd). For root.",
  options: {
    config: { kind: "text", about: `Its configuration (default: as installed, else ${CONFIG})`, placeholder: "FILE" },
    user: {
      kind: "text",
      about: `User that it runs as, made when it is missing (default: as installed, else ${USER})`,
      placeholder: "NAME",
    },
    strict: { kind: "switch", about: "Also let nothing in its memory become code: requests cost more" },
    open: { kind: "switch", about: "Take --strict back" },
    "dry-run": { kind: "switch", about: "Print the unit, and change nothing" },
    json: JSON_SWITCH,
  },
  examples: [
    ["gateway install", `Start it with ${CONFIG}, and at each boot`],
    ["gateway install --config=/etc/commando/gateway.toml", "The same with a file of commando"],
    ["gateway install --dry-run", "See what would be installed"],
  ],
  more: "The configuration stays root's; where its user cannot read a file beside it, its group is let in. The directory that it names (cache_dir) is given to the user with everything in it. The gateway can write to that directory only, starts no program, and has no rights of root. Run it again after an update, or when cache_dir, a port below 1024 or the place of the original's records has changed: it writes the unit anew, keeps what is not said otherwise, and restarts when something is different.",
  run: async ({ "dry-run": isDry, ...words }, context) => {
    const place = systemPlace(context);
    const wish = gatewayWish(words, place);
    if (isDry) return shownGateway(wish, place, context);
    requireRoot("gateway install");
    return installGateway(wish, place, context);
  },
});
