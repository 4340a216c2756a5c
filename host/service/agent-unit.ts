import { CONFINED, memoryLines, unitHead, unitService, UNIT_TAIL, type SystemRecipe } from "./system-unit.ts";
import { unitWord } from "./unit-words.ts";

/** An agent as a service of the system. */
export interface AgentRecipe extends SystemRecipe {
  /** Its base directory. */
  readonly directory: string;
}

/** What operations of any policy can live with, and what is not there for their sake. */
const OPEN = `
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
# Where the policy only reads (fleet_readonly), cmd2host agent install --strict has nearly all of them.
`;

function strictLines(recipe: AgentRecipe): string {
  const { user, directory } = recipe;
  return `
# cmd2host agent install --strict: for a policy that only reads. Nothing but its own directory can be written, and no program gains rights.
NoNewPrivileges=yes
${
  user === undefined
    ? "# Root may become the user that an operation names, end its programs, and read what it is told to read.\nCapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_READ_SEARCH\nSystemCallFilter=@system-service\n"
    : "CapabilityBoundingSet=\nAmbientCapabilities=\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources\n"
}ReadWritePaths=${unitWord(directory)}
# Not yes: free space of all file systems is shown.
ProtectHome=read-only
${CONFINED}${memoryLines(recipe)}# Missing on purpose: ProtectProc, ProcSubset and PrivateUsers (processes, memory and users of this machine are shown), PrivateNetwork (gateways
# come by it, and ports are shown), NoExecPaths (operations are programs).
`;
}

/** The unit of an agent. Every line that could be otherwise has its reason beside it. @throws CodedError `usage` */
export function agentUnitText(recipe: AgentRecipe): string {
  const { directory, strict } = recipe;
  return `${unitHead("agent", recipe, "cmd2host agent, which lets gateways run what the policy of this machine allows")}${unitService(recipe, ["agent"])}Environment=${unitWord(`CMD2HOST_CONFIG_DIR=${directory}`)}
# An operation that the kernel ends for want of memory does not end the agent.
OOMPolicy=continue
# As in a shell. What is secret has a mode of its own.
UMask=0022
${strict ? strictLines(recipe) : OPEN}${UNIT_TAIL}`;
}
