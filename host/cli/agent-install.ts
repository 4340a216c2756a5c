import { isAbsolute } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { requireUserName } from "../service/system-account.ts";
import { baseDirectory } from "../util/base-directory.ts";
import { installAgent, installedAgent, shownAgent, type AgentWish } from "./agent-service.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { requireRoot, systemPlace, type SystemPlace } from "./system-place.ts";

const USER = "cmd2host";
const DIRECTORY = "/var/lib/cmd2host";

/** What a command line says; what it does not say is as it was installed. */
export interface AgentWords {
  readonly user: string | undefined;
  readonly root: boolean;
  readonly dir: string | undefined;
  readonly strict: boolean;
  readonly open: boolean;
  readonly "by-policy": boolean;
}

/** @throws CodedError `usage`, `file_failed` */
export function agentWish({ user, root, dir, strict, open, ...more }: AgentWords, place: SystemPlace): AgentWish {
  if (root && user !== undefined) throw new CodedError("usage", "--user and --root exclude each other");
  const confinements = [strict, open, more["by-policy"]].filter(Boolean);
  if (confinements.length > 1) throw new CodedError("usage", "--strict, --open and --by-policy exclude each other");
  if (dir !== undefined && !isAbsolute(dir)) throw new CodedError("usage", `--dir ${quoted(dir)} is no absolute path`);
  const before = installedAgent(place);
  const isSaid = root || user !== undefined;
  const kept = confinements.length === 0 ? before?.said : undefined;
  // As it is everywhere else: without a slash at its end.
  const base = baseDirectory({ CMD2HOST_CONFIG_DIR: dir ?? before?.directory ?? DIRECTORY });
  return {
    user: isSaid || before === undefined ? (root ? undefined : requireUserName(user ?? USER)) : before.user,
    directory: base.root,
    said: strict ? "strict" : open ? "open" : kept,
  };
}

export const agentInstall = command({
  path: ["agent", "install"],
  about: "Have the agent run from now on, as a service of the system (a unit of systemd). For root.",
  options: {
    user: {
      kind: "text",
      about: `User that it runs as, made when it is missing (default: as installed, else ${USER})`,
      placeholder: "NAME",
    },
    root: { kind: "switch", about: "Run it as root, which operations of several users need" },
    dir: { kind: "text", about: `Its base directory (default: as installed, else ${DIRECTORY})`, placeholder: "DIR" },
    strict: {
      kind: "switch",
      about: "Confine it to reading, whatever its policy is: nothing gains rights, nothing else is written",
    },
    open: { kind: "switch", about: "Confine it by nothing, whatever its policy is" },
    "by-policy": { kind: "switch", about: "Take --strict or --open back: the policy says what it needs (the default)" },
    "dry-run": { kind: "switch", about: "Print the unit, and change nothing" },
    json: JSON_SWITCH,
  },
  examples: [
    ["agent install --strict", "For a machine that gateways may look at"],
    ["agent install --root", "For one whose services they may restart"],
    ["agent install --dry-run", "See what would be installed"],
  ],
  more: 'The base directory must be that of an agent already: CMD2HOST_CONFIG_DIR=DIR cmd2host agent init, as root. It is given to the user of the service with everything in it; one that somebody else could have written to is refused. --root also sets "allow_root" in agent of daemon.json. The program is the one that this command line was started with; it must be where only root can write. Run it again after an update or a change of drain_timeout: it writes the unit anew, keeps what is not said otherwise, and restarts when something is different. What confines it follows from its policy: when each operation reads (annotations.read_only) or transfers files, nothing else can be written and no program gains rights; when one does more, its programs have everything that their user may. So run it again when the policy has changed, too. A unit that somebody has changed is kept beside the new one as .old. Running operations may finish first, within drain_timeout.',
  run: async ({ "dry-run": isDry, ...words }, context) => {
    const place = systemPlace(context);
    const wish = agentWish(words, place);
    if (isDry) return shownAgent(wish, place, context);
    requireRoot("agent install");
    return installAgent(wish, place, context);
  },
});
