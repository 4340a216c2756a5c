import type { Account } from "../util/account.ts";

/** Where programs of a machine are looked for; as in commando. */
export const MACHINE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The environment of a program on a machine of a fleet, made from nothing: that of a user who has just logged in, without a terminal. Nothing of the
 * agent's own is passed on. Later wins: what the project sets, then what the caller sets.
 * @param shell as the configuration names it
 */
export function machineEnvironment(
  { home, name }: Account,
  shell: string,
  projectEnv: ReadonlyMap<string, string>,
  callerEnv: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  return new Map([
    ["HOME", home],
    ["USER", name],
    ["PATH", MACHINE_PATH],
    ["SHELL", shell],
    ["LANG", "C.UTF-8"],
    ["TERM", "dumb"],
    ["NO_COLOR", "1"],
    ...projectEnv,
    ...callerEnv,
  ]);
}
