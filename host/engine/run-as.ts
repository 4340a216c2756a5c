import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { MACHINE_PATH } from "../sanitize/machine.ts";
import { findAccount, ownAccount, type Account } from "../util/account.ts";
import { resolveOptional, type Invocation } from "./invocation.ts";

/**
 * The user that an operation runs as. Reads the disk.
 * @param name undefined: the agent's own
 * @throws CodedError `run_as_unavailable`
 */
export function accountFor(name: string | undefined, own: Account = ownAccount()): Account {
  if (name === undefined || name === own.name) return own;
  const account = findAccount(name);
  if (account === undefined) throw new CodedError("run_as_unavailable", `there is no user ${quoted(name)} here`);
  if (own.uid !== 0)
    throw new CodedError("run_as_unavailable", `the agent runs as ${own.name}, and cannot become ${name}`);
  return account;
}

/** How a program is started: with this environment, and what it may read from descriptor 3. */
export interface Started extends Invocation {
  readonly env: ReadonlyMap<string, string>;
  readonly handed?: Buffer;
}

/** Takes the environment from descriptor 3, and becomes the program. */
const TAKE_ENVIRONMENT = 'eval "$(cat <&3)" && [ -n "${HOME-}" ] || exit 126; exec 3<&-; exec "$@"';
/** Names that a shell keeps for itself; it would end, or set something else. */
const OF_SHELLS = /^(?:UID|EUID|PPID|SHELLOPTS|BASHOPTS|BASH_VERSINFO|GROUPS|FUNCNAME|OPTIND|LINENO)$/;

function assignments(env: ReadonlyMap<string, string>): Buffer {
  const lines = [...env].map(([name, value]) => {
    if (OF_SHELLS.test(name))
      throw new CodedError("env_denied", `${name} cannot be set for a program that runs as somebody else`);
    return `export ${name}='${value.replaceAll("'", "'\\''")}'\n`;
  });
  return Buffer.from(lines.join(""), "utf8");
}

/**
 * Starts a program as somebody else, with the groups of a login, which no system call of the runtime gives. What does that is root for a moment: it must
 * not see the environment of the program, since some variables choose what code every program loads. So the environment follows when it is root no more.
 * @throws CodedError `run_as_unavailable`, `command_untrusted`, `env_denied`
 */
export function startedAs(
  { command, args }: Invocation,
  account: Account,
  env: ReadonlyMap<string, string>,
  own: Account = ownAccount(),
  path = MACHINE_PATH,
): Started {
  if (account.uid === own.uid) return { command, args, env };
  const setpriv = resolveOptional("setpriv", path, []);
  if (setpriv === undefined) throw new CodedError("run_as_unavailable", "there is no setpriv (util-linux) here");
  const become = [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--inh-caps=-all"];
  // By the name that was looked up: of a program with several, its real path says not which is meant.
  const taking = ["/bin/sh", "-c", TAKE_ENVIRONMENT, "sh", command.argv0, ...args];
  return {
    command: setpriv,
    args: [...become, "--", ...taking],
    env: new Map([["PATH", MACHINE_PATH]]),
    handed: assignments(env),
  };
}
