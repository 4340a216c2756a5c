import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";
import { listProjectIds } from "../project/project-id.ts";
import { projectFiles, readPin } from "../project/pin.ts";
import { agentUnitText, type AgentRecipe } from "../service/agent-unit.ts";
import { accepts, answers } from "../service/answer.ts";
import { asAccount } from "../service/as-account.ts";
import { handOver, requireOwnWay } from "../service/hand-over.ts";
import { install } from "../service/install.ts";
import { requireProgram } from "../service/program-fault.ts";
import { requireUserName, serviceAccount, type ServiceAccount } from "../service/system-account.ts";
import { SystemService } from "../service/system-service.ts";
import type { Tools } from "../service/tool.ts";
import { ownAccount } from "../util/account.ts";
import { baseDirectory, type BaseDirectory } from "../util/base-directory.ts";
import { VERSION } from "../util/version.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import { allowRoot } from "./allow-root.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import type { Context } from "./context.ts";
import { stopSecondsOf } from "./service-recipe.ts";
import { didWords, requireRoot, rowsText, stateWords, systemPlace, type SystemPlace } from "./system-place.ts";

const USER = "cmd2host";
export const AGENT_DIRECTORY = "/var/lib/cmd2host";
/** Of an account that is made, below its base directory. */
const HOME = "home";
/** Programs that run as another user cannot use ports below. */
const FIRST_FREE_PORT = 1_024;

/** What is to be installed. */
export interface AgentWish {
  /** Undefined: root. */
  readonly user: string | undefined;
  readonly directory: string;
  readonly strict: boolean;
}

/** What of the daemon's settings counts here. */
interface Facts {
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly stopSeconds: number;
}

function initHint(directory: string): string {
  return `Make it one first, as root: CMD2HOST_CONFIG_DIR=${directory} cmd2host agent init`;
}

/** @throws CodedError `agent_config_invalid`, `daemon_config_invalid`, `config_untrusted` */
async function factsOf(base: BaseDirectory, context: Context): Promise<Facts> {
  const { settings } = await context.daemon.settings(base);
  const { agent } = settings as { readonly agent?: { readonly listen: Facts["listen"] } };
  if (agent === undefined)
    throw new CodedError("agent_config_invalid", `${printable(base.daemonFile)} has no "agent"`, {
      hint: initHint(base.root),
    });
  return { listen: agent.listen, stopSeconds: stopSecondsOf(settings) };
}

/** What keeps gateways from doing anything here. */
function policyNotes({ projects }: BaseDirectory): readonly string[] {
  const ids = existsSync(projects) ? listProjectIds(projects) : [];
  if (ids.length === 0) return ["there is no policy yet: nothing is allowed"];
  return ids
    .filter((id) => readPin(projectFiles(projects, id)) === undefined)
    .map((id) => `the policy ${id} is not allowed yet: cmd2host config allow ${id}`);
}

function recipeOf(wish: AgentWish, context: Context, stopSeconds: number): AgentRecipe {
  return { ...wish, program: context.program(), version: VERSION, stopSeconds };
}

function serviceOf(place: SystemPlace): SystemService<AgentRecipe> {
  return new SystemService("agent", agentUnitText, place.tools, place.units);
}

/** The account, and a home for it that holds nothing of the agent's own: callers may choose directories in it. */
async function accountOf({ user, directory }: AgentWish, tools: Tools, passwd?: string): Promise<ServiceAccount> {
  if (user === undefined) return { account: ownAccount(), isNew: false };
  return serviceAccount(user, join(directory, HOME), tools, passwd);
}

/** Prints what would be installed, and changes nothing. */
async function shown(wish: AgentWish, place: SystemPlace, context: Context): Promise<Report> {
  const base = baseDirectory({ CMD2HOST_CONFIG_DIR: wish.directory });
  const notes: string[] = [];
  const seconds = await factsOf(base, context).then(
    ({ stopSeconds }) => stopSeconds,
    (error: unknown) => {
      if (!(error instanceof CodedError)) throw error;
      notes.push(`${error.message}. ${error.hint}`);
      return stopSecondsOf({});
    },
  );
  const service = serviceOf(place);
  const definition = service.definition(recipeOf(wish, context, seconds));
  const stderr = notes.map((note) => `note: ${note}\n`).join("");
  return { exit: 0, human: definition, json: { file: service.file, definition, notes }, stderr };
}

/**
 * Installs the agent of a base directory as a unit of the system, and starts it.
 * @throws CodedError `agent_config_invalid`, `base_unusable`, `command_untrusted`, `service_failed`, `service_unavailable`, and what is wrong with daemon.json
 */
export async function installAgent(wish: AgentWish, place: SystemPlace, context: Context): Promise<Report> {
  const base = baseDirectory({ CMD2HOST_CONFIG_DIR: wish.directory });
  const service = serviceOf(place);
  await service.requireManager();
  requireOwnWay(base.root);
  if (!existsSync(base.daemonFile))
    throw new CodedError("agent_config_invalid", `${printable(base.daemonFile)} is not there, so this machine is no agent`, {
      hint: initHint(base.root),
    });
  const { account, isNew } = await accountOf(wish, place.tools, place.passwd);
  await requireProgram(context.program(), account);
  const handed = handOver(base.root, account);
  if (wish.user === undefined) allowRoot(base.daemonFile);
  // With its own rights: it may have changed them since.
  const [facts, notes] = await asAccount(account, async () => {
    if (wish.user !== undefined) makePrivateDirectory(join(base.root, HOME));
    return [await factsOf(base, context), policyNotes(base)] as const;
  });
  const { listen } = facts;
  const isReady = async (): Promise<boolean> =>
    (await answers(base.lockSocket)) && (listen === undefined || (await accepts(listen.host, listen.port)));
  const { did, keptAs, state } = await install(service, recipeOf(wish, context, facts.stopSeconds), base.lockSocket, isReady);
  const as = wish.user === undefined ? "" : `runuser -u ${account.name} -- `;
  const words = `${as}env CMD2HOST_CONFIG_DIR=${base.root} ${context.program().join(" ")}`;
  const all = [
    ...(keptAs === undefined ? [] : [`what was there is now ${printable(keptAs)}`]),
    ...(handed === "given" ? [`${printable(base.root)} and everything in it belongs to ${account.name} now`] : []),
    ...(listen !== undefined && listen.port < FIRST_FREE_PORT && wish.user !== undefined
      ? [`port ${listen.port} is below ${FIRST_FREE_PORT}, which only root may use`]
      : []),
    ...notes,
  ];
  const rows = [
    ["unit", printable(service.file)],
    ["state", stateWords(state)],
    ["user", `${account.name}${isNew ? " (made)" : ""}`],
    ["directory", printable(base.root)],
    ["listens", listen === undefined ? "nowhere; it dials out" : `${listen.host}:${listen.port}`],
    ["commands", printable(words)],
  ] as const;
  return {
    exit: 0,
    human: `${didWords("agent", did)}\n${rowsText(rows)}\nNext: ${printable(words)} agent enroll\n`,
    json: { did, unit: service.file, user: account.name, directory: base.root, kept_as: keptAs ?? null, notes: all },
    stderr: all.map((note) => `note: ${note}\n`).join(""),
  };
}

/** @throws CodedError `usage` */
function wishOf(user: string | undefined, root: boolean, dir: string, strict: boolean): AgentWish {
  if (root && user !== undefined) throw new CodedError("usage", "--user and --root exclude each other");
  if (!isAbsolute(dir)) throw new CodedError("usage", `--dir ${quoted(dir)} is no absolute path`);
  // As it is everywhere else: without a slash at its end.
  const { root: directory } = baseDirectory({ CMD2HOST_CONFIG_DIR: dir });
  return { user: root ? undefined : requireUserName(user ?? USER), directory, strict };
}

export const agentInstall = command({
  path: ["agent", "install"],
  about: "Have the agent run from now on, as a service of the system (a unit of systemd). For root.",
  options: {
    user: { kind: "text", about: `User that it runs as; made when it is missing (default: ${USER})`, placeholder: "NAME" },
    root: { kind: "switch", about: "Run it as root, which operations of several users need" },
    dir: { kind: "text", about: "Its base directory", placeholder: "DIR", default: AGENT_DIRECTORY },
    strict: {
      kind: "switch",
      about: "Confine it to reading, for a policy such as fleet_readonly: nothing gains rights, nothing else is written",
    },
    "dry-run": { kind: "switch", about: "Print the unit, and change nothing" },
    json: JSON_SWITCH,
  },
  examples: [
    ["agent install --strict", "For a machine that gateways may look at"],
    ["agent install --root", "For one whose services they may restart"],
    ["agent install --dry-run", "See what would be installed"],
  ],
  more: 'The base directory must be that of an agent already: CMD2HOST_CONFIG_DIR=DIR cmd2host agent init, as root. It is given to the user of the service with everything in it; one that somebody else could have written to is refused. --root also sets "allow_root" in agent of daemon.json. The program is the one that this command line was started with; it must be where only root can write. Run it again after an update or a change of drain_timeout: it writes the unit anew, and restarts when something is different. Running operations may finish first, within drain_timeout.',
  run: async ({ user, root, dir, strict, "dry-run": isDry }, context) => {
    const wish = wishOf(user, root, dir, strict);
    const place = systemPlace(context);
    if (isDry) return shown(wish, place, context);
    requireRoot("agent install");
    return installAgent(wish, place, context);
  },
});
