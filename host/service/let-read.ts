import { chmodSync, chownSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { Account } from "../util/account.ts";
import { asAccount } from "./as-account.ts";

const GROUP_READ = 0o040;
const GROUP_ENTER = 0o050;

/** Why an account cannot read a file; undefined when it can. */
async function refusal(file: string, account: Account): Promise<string | undefined> {
  return asAccount(account, () => {
    try {
      closeSync(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
      return undefined;
    } catch (error) {
      return errnoOf(error) ?? "it cannot be opened";
    }
  });
}

/** Lets the account's group in, and nobody else. @returns false when that is not ours to do */
function letGroup(path: string, account: Account, rights: number): boolean {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink() || stats.uid !== process.geteuid?.()) return false;
  chownSync(path, stats.uid, account.gid);
  chmodSync(path, (stats.mode & 0o7777) | rights);
  return true;
}

/**
 * Holds that an account can read a file. In `directory`, which belongs to us, its group is let in where that is needed; everywhere else it is only said.
 * @returns whether a right was given
 * @throws CodedError `file_failed`
 */
export async function letRead(file: string, directory: string, account: Account): Promise<boolean> {
  const before = await refusal(file, account);
  if (before === undefined) return false;
  if (before === "EACCES" && dirname(file) === directory) {
    if (letGroup(file, account, GROUP_READ) && (await refusal(file, account)) === undefined) return true;
    if (letGroup(directory, account, GROUP_ENTER) && (await refusal(file, account)) === undefined) return true;
  }
  throw new CodedError("file_failed", `${account.name} cannot read ${printable(file)}: ${before}`, {
    hint: `Let its group read it: chgrp ${account.name} FILE and chmod g+r FILE, and g+x on the directories above it.`,
  });
}
