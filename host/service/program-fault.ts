import { closeSync, constants, openSync, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { Account } from "../util/account.ts";
import { distrustOf } from "../util/read-trusted.ts";
import { realOrSame } from "../util/real-path.ts";
import { asAccount } from "./as-account.ts";

const HINT =
  "Install it where only root can write: install -m 755 cmd2host /usr/local/bin/cmd2host; then start it from there.";
const STICKY = 0o1000n;

/** Why others could replace a file, or undefined. Looks at all directories above it. */
function replaceable(file: string): string | undefined {
  for (let path = file; ; path = dirname(path)) {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return `${printable(path)} is not there`;
    const isSticky = path !== file && (stats.mode & STICKY) !== 0n;
    const distrust = distrustOf(isSticky ? { uid: stats.uid, mode: 0n } : stats);
    if (distrust !== undefined) return `${printable(path)} ${distrust}`;
    if (path === dirname(path)) return undefined;
  }
}

/**
 * Holds that a program may run as a service: nobody but root can replace it, and the service's own account can start it.
 * @param program the absolute path, then what comes in front of its own arguments
 * @throws CodedError `command_untrusted`
 */
export async function requireProgram(program: readonly string[], account: Account): Promise<void> {
  const files = program.filter(isAbsolute).map(realOrSame);
  for (const file of files) {
    const why = replaceable(file);
    if (why !== undefined)
      throw new CodedError("command_untrusted", `${why}: whoever can change it becomes what the service is`, {
        hint: HINT,
      });
  }
  await asAccount(account, () => {
    for (const file of files)
      try {
        closeSync(openSync(file, constants.O_RDONLY));
      } catch (error) {
        throw new CodedError(
          "command_untrusted",
          `${account.name} cannot start ${printable(file)}: ${errnoOf(error) ?? "it cannot be opened"}`,
          { hint: HINT },
        );
      }
  });
}
