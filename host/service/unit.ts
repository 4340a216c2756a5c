import type { Definition, Recipe } from "./platform.ts";
import { readCommand, readVariables, unitCommand, unitWord } from "./unit-words.ts";

/** The systemd user unit, as text: what is written, and what is read back. */

const MARK = /^# Written by cmd2host (\S+) \(cmd2host service install\)/;
/** Each of these makes systemd set NoNewPrivileges in a user's manager, whatever that says. None needs a mount or user namespace, which not every system gives. */
const STRICT = `
# cmd2host service install --strict: no program of an operation can gain rights when it starts. sudo, rootless podman and ping do.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @module @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
`;

/** What the unit says. Every line that could be otherwise has its reason above it. */
export function unitText(recipe: Recipe): string {
  const { program, environment, stopSeconds, version, strict } = recipe;
  const variables = [...environment].map(([name, value]) => `Environment=${unitWord(`${name}=${value}`)}`);
  return `# Written by cmd2host ${version} (cmd2host service install), and written anew by each install. Your own settings: systemctl --user edit cmd2host
[Unit]
Description=cmd2host, which runs the operations that you allowed to agents in containers
# A daemon that cannot start, for a mistake in daemon.json or a port that is taken, is not started for ever.
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
# Counts as started when the program runs, not when systemd has forked.
Type=exec
ExecStart=${unitCommand([...program, "serve"])}
${variables.join("\n")}
Restart=on-failure
RestartSec=2

# SIGTERM goes to the daemon alone, which lets operations finish and ends them itself; what is left then is killed.
KillMode=mixed
# Longer than drain_timeout and kill_grace of daemon.json together, so that the daemon ends before it is killed.
TimeoutStopSec=${stopSeconds}
# An operation that the kernel ends for want of memory does not end the daemon.
OOMPolicy=continue

# As in a shell. What is secret has a mode of its own; what operations write into a workspace is read in containers, by other users.
UMask=0022
# Tokens and answers of operations are in memory; a dump would put them on disk.
LimitCORE=0
# Sandboxes of systemd are not here on purpose: operations run with your rights, write your files, and may start programs that gain
# rights (sudo, newuidmap of rootless podman). Settings such as LockPersonality and ProtectClock forbid that for users' services, since
# they set NoNewPrivileges; the Protect… and Private… settings take files away. See cmd2host service install --strict.
${strict ? STRICT : ""}
[Install]
WantedBy=default.target
`;
}

/** What a unit file says; of one that is not ours, as much as is written in the same way. */
export function readUnit(text: string): Definition {
  const command = readCommand(text);
  return {
    version: MARK.exec(text)?.[1],
    program: command.at(-1) === "serve" ? command.slice(0, -1) : command,
    environment: readVariables(text),
  };
}
