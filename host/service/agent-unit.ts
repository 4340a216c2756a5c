import { printable } from "../../wire/text.ts";
import {
  chosenIn,
  confinedLines,
  memoryLines,
  readSystemUnit,
  sealed,
  unitHead,
  unitService,
  UNIT_TAIL,
  type ConfinedBy,
  type SystemRecipe,
} from "./system-unit.ts";
import { unitWord } from "./unit-words.ts";

/** An agent as a service of the system. */
export interface AgentRecipe extends SystemRecipe {
  /** Its base directory. */
  readonly directory: string;
  /** What was said of confinement; else it follows from the policy. */
  readonly said: ConfinedBy;
  readonly needs: AgentNeeds;
}

/** What the policies of a machine need of the service that their programs run in. */
export interface AgentNeeds {
  /** Operations that do more than read, or write below directories that are known. None: the service can be confined. */
  readonly doMore: readonly string[];
  /** Directories below which files are written. */
  readonly writes: readonly string[];
  /** Whether programs run as users other than the agent's own. */
  readonly becomes: boolean;
}

/** Which base directory the program serves. */
export const DIRECTORY_VARIABLE = "CMD2HOST_CONFIG_DIR";
const MAX_NAMED = 5;
/** Where other programs look for files that were pushed to these. */
const SHARED_TMP = /^\/(?:tmp|var\/tmp)(?:\/|$)/;

/** What operations of any policy can live with, and what is not there for their sake. */
const OPEN = `# As in a shell: operations make files of this machine. What is secret has a mode of its own.
UMask=0022

# Missing on purpose, because the operations of the policy are this machine's own administration and run inside of this service:
#   NoNewPrivileges, RestrictSUIDSGID, LockPersonality, RestrictRealtime, SystemCallFilter: operations may use sudo, su or ping, which gain
#     rights when they start; each of these would forbid that for a service that is not root.
#   CapabilityBoundingSet: what sudo starts would lack what is not in it.
#   ProtectSystem, ProtectHome, ReadWritePaths: operations may update packages, write files, read logs.
#   PrivateTmp, PrivateDevices, PrivateMounts: files are pushed to /tmp and looked for there; disks are looked at and mounted.
#   PrivateUsers, ProtectProc, ProcSubset: operations show the processes and users of this machine.
#   ProtectKernelTunables, ProtectKernelModules, ProtectClock, ProtectHostname: sysctl, modprobe, date and hostname are administration.
#   PrivateNetwork, RestrictAddressFamilies, IPAddressDeny: gateways come by the network, and operations may use it.
#   MemoryDenyWriteExecute: many programs compile while they run.
# A policy that only reads, as fleet_readonly, has nearly all of them; so has any after cmd2host agent install --strict.
`;

/** The rights that are left to a confined agent. One that is root has what its policy needs of them. */
function rightsLines({ user, needs }: AgentRecipe): string {
  const filter = "SystemCallFilter=@system-service\n";
  const narrow = `${filter}SystemCallFilter=~@privileged @resources\n`;
  if (user !== undefined) return `CapabilityBoundingSet=\nAmbientCapabilities=\n${narrow}`;
  const rights = [
    "CAP_DAC_READ_SEARCH",
    ...(needs.writes.length === 0 ? [] : ["CAP_DAC_OVERRIDE", "CAP_FOWNER"]),
    ...(needs.becomes ? ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"] : []),
  ];
  const words = [
    "read what it is told to read",
    ...(needs.writes.length === 0 ? [] : ["write below the directories named here, whoever they belong to"]),
    ...(needs.becomes ? ["become the user that an operation names, and end its programs"] : []),
  ];
  return `# Root may ${words.join("; ")}.\nCapabilityBoundingSet=${rights.join(" ")}\n${needs.becomes ? filter : narrow}`;
}

/** Whether an agent is confined, by what was said of it or else by its policies. */
export function isConfined(said: ConfinedBy, { doMore }: AgentNeeds): boolean {
  return said === undefined ? doMore.length === 0 : said === "strict";
}

/** Operations by name, not all of many. */
export function operationWords(ids: readonly string[]): string {
  const more = ids.length - MAX_NAMED;
  return `${ids.slice(0, MAX_NAMED).map(printable).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Why it is confined or not, in the words that say it when the unit is read again. */
function reasonLine({ said, strict }: AgentRecipe): string {
  if (said !== undefined)
    return `# cmd2host agent install --${said}: whatever the policy is; --by-policy takes that back.\n`;
  return strict
    ? "# The policy only reads, or writes below directories that are known: nothing else can be written, and no program gains rights.\n"
    : "# The policy does more than read, so nothing is taken from its programs.\n";
}

function strictLines(recipe: AgentRecipe): string {
  const { directory, needs } = recipe;
  // A directory that is not there yet keeps nothing from starting.
  const writable = [unitWord(directory), ...needs.writes.map((path) => unitWord(`-${path}`))];
  return `UMask=0077

NoNewPrivileges=yes
${rightsLines(recipe)}ReadWritePaths=${writable.join(" ")}
# Not yes: free space of all file systems is shown.
ProtectHome=read-only
${confinedLines(!needs.writes.some((path) => SHARED_TMP.test(path)))}${memoryLines(recipe)}# Missing on purpose: ProtectProc, ProcSubset and PrivateUsers (processes, memory and users of this machine are shown), PrivateNetwork (gateways
# come by it, and ports are shown), NoExecPaths (operations are programs).
`;
}

/** The unit of an agent. Every line that could be otherwise has its reason beside it. @throws CodedError `usage` */
export function agentUnitText(recipe: AgentRecipe): string {
  const { directory, strict } = recipe;
  return sealed(`${unitHead("agent", recipe, "cmd2host agent, which lets gateways run what the policy of this machine allows")}${unitService(recipe, ["agent"])}Environment=${unitWord(`${DIRECTORY_VARIABLE}=${directory}`)}
# An operation that the kernel ends for want of memory does not end the agent.
OOMPolicy=continue
${reasonLine(recipe)}${strict ? strictLines(recipe) : OPEN}${UNIT_TAIL}`);
}

/**
 * How a unit would be written for other needs; undefined when it is not as we wrote it.
 * @param text of the unit
 */
export function agentUnitFor(text: string, needs: AgentNeeds): string | undefined {
  const { version, program, environment } = readSystemUnit(text);
  const chosen = chosenIn(text);
  const directory = environment.get(DIRECTORY_VARIABLE);
  const stopSeconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
  if (version === undefined || chosen === undefined || directory === undefined) return undefined;
  const strict = isConfined(chosen.said, needs);
  return agentUnitText({ ...chosen, version, program: program.slice(0, -1), stopSeconds, strict, directory, needs });
}
