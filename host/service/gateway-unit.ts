import {
  confinedLines,
  memoryLines,
  sealed,
  unitHead,
  unitService,
  UNIT_TAIL,
  type SystemRecipe,
} from "./system-unit.ts";
import { unitWord } from "./unit-words.ts";

/** A gateway as a service of the system. */
export interface GatewayRecipe extends SystemRecipe {
  readonly user: string;
  /** Its gateway.toml. */
  readonly config: string;
  /** Directories that it writes to: its own (`cache_dir`), and that of the original's records. */
  readonly writes: readonly string[];
  /** Whether it listens on a port below 1024. */
  readonly hasLowPort: boolean;
}

/** Where libraries lie that a program loads. Those that are not there are not missed. */
const LIBRARIES = "-/lib -/lib64 -/usr/lib -/usr/lib64 -/nix/store";

/** What it may write. Where systemd has a place for such directories, it makes them, too. */
function writable(directories: readonly string[]): string {
  const states = directories.flatMap((one) => /^\/var\/lib\/([A-Za-z0-9][A-Za-z0-9._-]*)$/.exec(one)?.[1] ?? []);
  const others = directories.filter((one) => !states.some((name) => one === `/var/lib/${name}`));
  return [
    ...(states.length === 0 ? [] : [`StateDirectory=${states.join(" ")}`, "StateDirectoryMode=0700"]),
    ...(others.length === 0 ? [] : [`ReadWritePaths=${others.map(unitWord).join(" ")}`]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** The unit of a gateway, which starts no program and writes to its own directory only. @throws CodedError `usage` */
export function gatewayUnitText(recipe: GatewayRecipe): string {
  const { config, writes, hasLowPort, program } = recipe;
  const executables = program.filter((part) => part.startsWith("/")).map(unitWord);
  const rights = hasLowPort
    ? "# For its port below 1024; in a user namespace that right would count for nothing, so PrivateUsers is missing.\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
    : "CapabilityBoundingSet=\nAmbientCapabilities=\nPrivateUsers=yes\n";
  return sealed(`${unitHead("gateway", recipe, "cmd2host gateway, in front of a fleet of machines")}${unitService(recipe, ["gateway", `--config=${config}`])}UMask=0077

NoNewPrivileges=yes
${rights}${writable(writes)}ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
${confinedLines(true)}SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# It starts no program, whoever talks it into one.
NoExecPaths=/
ExecPaths=${executables.join(" ")} ${LIBRARIES}
${recipe.strict ? `# cmd2host gateway install --strict: nothing in its memory becomes code.\n${memoryLines(recipe)}` : ""}# Missing on purpose: PrivateNetwork and IPAddressDeny (callers and agents come by the network: name theirs with systemctl edit), RootDirectory.${
    recipe.strict ? "" : "\n# MemoryDenyWriteExecute: see cmd2host gateway install --strict."
  }
${UNIT_TAIL}`);
}
