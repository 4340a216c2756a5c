import { sha256Hex } from "../util/hash.ts";
import type { Definition } from "./platform.ts";
import { readCommand, readVariables, unitCommand } from "./unit-words.ts";

/** Units of the system's own manager, as text: what those of an agent and of a gateway have in common. */

/** What a service of the system is, as far as its kind does not matter. */
export interface SystemRecipe {
  /** Absolute path of the program, then the arguments in front of its own. */
  readonly program: readonly string[];
  /** Of this program: an update is seen by it. */
  readonly version: string;
  /** Undefined: root. */
  readonly user: string | undefined;
  /** How long it may take to stop before it is killed. */
  readonly stopSeconds: number;
  /** Also what only a service with narrow work can live with. */
  readonly strict: boolean;
}

/** The two kinds of services of a fleet. */
export type SystemKind = "agent" | "gateway";

const MARK = /^# Written by cmd2host (\S+) \(cmd2host (?:agent|gateway) install/;

/** The name of a service's unit. */
export function unitNameOf(kind: SystemKind): string {
  return `cmd2host-${kind}.service`;
}

/** The lines that begin both units, up to how it is started. */
export function unitHead(kind: SystemKind, { version }: SystemRecipe, about: string): string {
  return `# Written by cmd2host ${version} (cmd2host ${kind} install), and written anew by each install. Your own settings: systemctl edit cmd2host-${kind}
[Unit]
Description=${about}
# Addresses of its own may be missing before that.
Wants=network-online.target
After=network-online.target
# It tries for ever: nobody can reach a machine of a fleet to start what has given up.
StartLimitIntervalSec=0
`;
}

/** How both are started, ended, and started again. */
export function unitService(recipe: SystemRecipe, words: readonly string[]): string {
  const { program, user, stopSeconds } = recipe;
  return `
[Service]
# Counts as started when the program runs, not when systemd has forked.
Type=exec
${user === undefined ? "# As root, which somebody asked for: --root." : `User=${user}\nGroup=${user}`}
ExecStart=${unitCommand([...program, ...words])}
# Reads its configuration again. Outside of what confines the service, which may not start other programs.
ExecReload=+/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5

# SIGTERM goes to the program alone, which lets what runs finish and ends the rest itself; what is left then is killed.
KillMode=mixed
TimeoutStopSec=${stopSeconds}
# Keys are in memory; a dump would put them on disk.
LimitCORE=0
`;
}

/** The lines that end both units. */
export const UNIT_TAIL = `
[Install]
WantedBy=multi-user.target
`;

/**
 * What can always be taken from a program that administers nothing. None takes away the network, or files that it only reads.
 * @param hasOwnTmp whether it needs no more of /tmp than a place for files of its own
 */
export function confinedLines(hasOwnTmp: boolean): string {
  return `ProtectHostname=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectSystem=strict
${hasOwnTmp ? "PrivateTmp=yes" : "# Not PrivateTmp: the policy writes files there."}
PrivateDevices=yes
DevicePolicy=closed
PrivateMounts=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# Netlink: the addresses of this machine are asked for there.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
`;
}

/** Whether memory can be kept from being code: the executable's runtime then interprets, Node's ends. */
export function memoryLines({ program, strict }: SystemRecipe): string {
  if (!strict) return "";
  return program.length === 1
    ? "# The runtime then interprets instead of compiling: nothing in memory can become code, and requests cost more.\nMemoryDenyWriteExecute=yes\n"
    : "# Not MemoryDenyWriteExecute: Node compiles while it runs, and ends without. The self-contained executable can do without.\n";
}

/** What was said of confinement when a service was installed; undefined: nothing. */
export type ConfinedBy = "strict" | "open" | undefined;

/** What was chosen for a service when it was installed. */
export interface Chosen {
  /** Undefined: root. */
  readonly user: string | undefined;
  readonly said: ConfinedBy;
}

const SEAL = /^# Everything above as it was written: SHA-256 ([0-9a-f]{64})\n$/;

/** A unit with what shows later that nobody has changed it by hand since. */
export function sealed(text: string): string {
  return `${text}# Everything above as it was written: SHA-256 ${sha256Hex(Buffer.from(text, "utf8"))}\n`;
}

function isSealed(text: string): boolean {
  const at = text.lastIndexOf("\n", text.length - 2) + 1;
  return SEAL.exec(text.slice(at))?.[1] === sha256Hex(Buffer.from(text.slice(0, at), "utf8"));
}

/** What a unit that we wrote was made with; undefined for one of somebody else. */
export function chosenIn(text: string): Chosen | undefined {
  if (!MARK.test(text)) return undefined;
  const said = /^# cmd2host \w+ install --(strict|open):/m.exec(text)?.[1];
  return { user: /^User=(.+)$/m.exec(text)?.[1], said: said === "strict" || said === "open" ? said : undefined };
}

/** What a unit file says; of one that is not ours, or not any more as we wrote it, without a version. */
export function readSystemUnit(text: string): Definition {
  const version = isSealed(text) ? MARK.exec(text)?.[1] : undefined;
  return { version, program: readCommand(text), environment: readVariables(text) };
}
