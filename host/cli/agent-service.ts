import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { attempt, CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import {
  agentUnitFor,
  agentUnitText,
  DIRECTORY_VARIABLE,
  isConfined,
  operationWords,
  type AgentRecipe,
} from "../service/agent-unit.ts";
import { accepts, answers } from "../service/answer.ts";
import { asAccount } from "../service/as-account.ts";
import { readDefinition } from "../service/definition-file.ts";
import { handOver, requireOwnWay } from "../service/hand-over.ts";
import { install } from "../service/install.ts";
import { requireProgram } from "../service/program-fault.ts";
import { serviceAccount, type ServiceAccount } from "../service/system-account.ts";
import { SystemService } from "../service/system-service.ts";
import { chosenIn, readSystemUnit, unitNameOf, type ConfinedBy } from "../service/system-unit.ts";
import type { Tools } from "../service/tool.ts";
import { findAccount, ownAccount } from "../util/account.ts";
import { baseDirectory, type BaseDirectory } from "../util/base-directory.ts";
import { VERSION } from "../util/version.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";
import { policyFacts, type PolicyFacts } from "./agent-needs.ts";
import { allowRoot } from "./allow-root.ts";
import type { Report } from "./command.ts";
import type { Context } from "./context.ts";
import { stopSecondsOf } from "./service-recipe.ts";
import { didWords, rowsText, stateWords, type SystemPlace } from "./system-place.ts";

/** Of an account that is made, below its base directory. */
const HOME = "home";
/** Programs that run as another user cannot use ports below. */
const FIRST_FREE_PORT = 1_024;

/** What is to be installed. */
export interface AgentWish {
  /** Undefined: root. */
  readonly user: string | undefined;
  readonly directory: string;
  /** Whether it is confined; undefined: as its policy lets it be. */
  readonly said: ConfinedBy;
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

function recipeOf(wish: AgentWish, policy: PolicyFacts, context: Context, stopSeconds: number): AgentRecipe {
  const strict = isConfined(wish.said, policy);
  return { ...wish, program: context.program(), version: VERSION, stopSeconds, strict, needs: policy };
}

/** What is said of confinement: what it keeps operations from. */
function confinementNotes({ said }: AgentWish, { doMore }: PolicyFacts): readonly string[] {
  if (said !== "strict" || doMore.length === 0) return [];
  return [`it is confined, and these operations of its policy do more than read: ${operationWords(doMore)}`];
}

function confinementWords({ said }: AgentWish, policy: PolicyFacts): string {
  if (!isConfined(said, policy))
    return `by nothing (${said === undefined ? `its policy does more than read: ${operationWords(policy.doMore)}` : "--open"})`;
  const { writes } = policy;
  const below = writes.length === 0 ? "" : `, and to writing below ${writes.map(printable).join(", ")}`;
  return `to reading${below} (${said === undefined ? "as its policy" : "--strict"})`;
}

function serviceOf(place: SystemPlace): SystemService<AgentRecipe> {
  return new SystemService("agent", agentUnitText, place.tools, place.units);
}

/** How the agent is installed; undefined when it is not, or not by us. @throws CodedError `file_failed` */
export function installedAgent(place: SystemPlace): AgentWish | undefined {
  const text = readDefinition(serviceOf(place).file);
  const chosen = text === undefined ? undefined : chosenIn(text);
  const directory = readSystemUnit(text ?? "").environment.get(DIRECTORY_VARIABLE);
  return chosen === undefined || directory === undefined ? undefined : { ...chosen, directory };
}

/** The account, and a home for it that holds nothing of the agent's own: callers may choose directories in it. */
async function accountOf({ user, directory }: AgentWish, tools: Tools, passwd?: string): Promise<ServiceAccount> {
  if (user === undefined) return { account: ownAccount(), isNew: false };
  return serviceAccount(user, join(directory, HOME), tools, passwd);
}

/** Read by whom it belongs to: it is root's until it is installed. What is not there yet, or not for us to read, is said. */
async function lookedAt(wish: AgentWish, place: SystemPlace, context: Context): Promise<readonly [Facts, PolicyFacts]> {
  const base = baseDirectory({ CMD2HOST_CONFIG_DIR: wish.directory });
  const account = wish.user === undefined ? ownAccount() : findAccount(wish.user, place.passwd);
  const look = async (): Promise<readonly [Facts, PolicyFacts]> => [
    await factsOf(base, context),
    policyFacts(base, account?.uid ?? -1),
  ];
  try {
    const owner = lstatSync(base.root, { throwIfNoEntry: false })?.uid;
    return await (account === undefined || account.uid !== owner ? look() : asAccount(account, look));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const notes = [`${error.message}. ${error.hint}`];
    return [
      { listen: undefined, stopSeconds: stopSecondsOf({}) },
      { doMore: [], writes: [], becomes: false, notes },
    ];
  }
}

/** Prints what would be installed, and changes nothing. */
export async function shownAgent(wish: AgentWish, place: SystemPlace, context: Context): Promise<Report> {
  const [{ stopSeconds }, policy] = await lookedAt(wish, place, context);
  const service = serviceOf(place);
  const definition = service.definition(recipeOf(wish, policy, context, stopSeconds));
  const notes = [...confinementNotes(wish, policy), ...policy.notes];
  const stderr = notes.map((note) => `note: ${note}\n`).join("");
  return { exit: 0, human: definition, json: { file: service.file, definition, notes }, stderr };
}

/**
 * What to do when the service of this agent was made for other policies than there are now; undefined: nothing.
 * @param units where units are
 */
export function staleUnitNote(base: BaseDirectory, units: string): string | undefined {
  const file = join(units, unitNameOf("agent"));
  const text = attempt(
    () => readDefinition(file),
    () => undefined,
  );
  if (text === undefined || readSystemUnit(text).environment.get(DIRECTORY_VARIABLE) !== base.root) return undefined;
  const user = chosenIn(text)?.user;
  const own = user === undefined ? 0 : findAccount(user)?.uid;
  const now = agentUnitFor(text, policyFacts(base, own ?? -1));
  if (now === undefined || now === text) return undefined;
  return "the agent's service was made for another policy, which decides what confines it: run, as root, cmd2host agent install";
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
    throw new CodedError(
      "agent_config_invalid",
      `${printable(base.daemonFile)} is not there, so this machine is no agent`,
      {
        hint: initHint(base.root),
      },
    );
  const { account, isNew } = await accountOf(wish, place.tools, place.passwd);
  await requireProgram(context.program(), account);
  const handed = handOver(base.root, account);
  if (wish.user === undefined) allowRoot(base.daemonFile);
  // With its own rights: it may have changed them since.
  const [facts, policy] = await asAccount(account, async () => {
    if (wish.user !== undefined) makePrivateDirectory(join(base.root, HOME));
    return [await factsOf(base, context), policyFacts(base, account.uid)] as const;
  });
  const { listen } = facts;
  const isReady = async (): Promise<boolean> =>
    (await answers(base.lockSocket)) && (listen === undefined || (await accepts(listen.host, listen.port)));
  const { did, keptAs, state } = await install(
    service,
    recipeOf(wish, policy, context, facts.stopSeconds),
    base.lockSocket,
    isReady,
  );
  const as = wish.user === undefined ? "" : `runuser -u ${account.name} -- `;
  const words = `${as}env CMD2HOST_CONFIG_DIR=${base.root} ${context.program().join(" ")}`;
  const all = [
    ...(keptAs === undefined ? [] : [`what was there was not as cmd2host wrote it, and is now ${printable(keptAs)}`]),
    ...(handed === "given" ? [`${printable(base.root)} and everything in it belongs to ${account.name} now`] : []),
    ...(listen !== undefined && listen.port < FIRST_FREE_PORT && wish.user !== undefined
      ? [`port ${listen.port} is below ${FIRST_FREE_PORT}, which only root may use`]
      : []),
    ...confinementNotes(wish, policy),
    ...policy.notes,
  ];
  const rows = [
    ["unit", printable(service.file)],
    ["state", stateWords(state)],
    ["user", `${account.name}${isNew ? " (made)" : ""}`],
    ["directory", printable(base.root)],
    ["confined", confinementWords(wish, policy)],
    ["listens", listen === undefined ? "nowhere; it dials out" : `${listen.host}:${listen.port}`],
    ["commands", printable(words)],
  ] as const;
  return {
    exit: 0,
    human: `${didWords("agent", did)}\n${rowsText(rows)}\nNext: ${printable(words)} agent enroll\n`,
    json: {
      did,
      unit: service.file,
      user: account.name,
      directory: base.root,
      confined: isConfined(wish.said, policy),
      kept_as: keptAs ?? null,
      notes: all,
    },
    stderr: all.map((note) => `note: ${note}\n`).join(""),
  };
}
