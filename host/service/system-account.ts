import { existsSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { findAccount, type Account } from "../util/account.ts";
import type { Tools } from "./tool.ts";

const NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
/** Shells of accounts that nobody logs in with. */
const NO_SHELLS = ["/usr/sbin/nologin", "/sbin/nologin"];

/** The account of a service, and whether it was made for it. */
export interface ServiceAccount {
  readonly account: Account;
  readonly isNew: boolean;
}

/**
 * The name of a user that a service may run as. Root is none: that has to be said otherwise.
 * @throws CodedError `usage`
 */
export function requireUserName(name: string): string {
  if (!NAME.test(name)) throw new CodedError("usage", `--user ${quoted(name)} is no name of a user`);
  if (name === "root") throw new CodedError("usage", "--user root: a service runs as root only with --root");
  return name;
}

/** @throws CodedError `usage` for another name of root */
function ordinary(account: Account): Account {
  if (account.uid !== 0) return account;
  throw new CodedError("usage", `--user ${account.name} is root by another name`, {
    hint: "A service runs as root only with --root.",
  });
}

/**
 * The account of that name, made when it is missing: of the system, without password and shell.
 * @param home of one that is made; not made itself
 * @param file passwd(5)
 * @throws CodedError `usage`, `service_failed`
 */
export async function serviceAccount(name: string, home: string, tools: Tools, file?: string): Promise<ServiceAccount> {
  const found = findAccount(name, file);
  if (found !== undefined) return { account: ordinary(found), isNew: false };
  const shell = NO_SHELLS.find((path) => existsSync(path)) ?? "/bin/false";
  const options = ["--system", "--user-group", "--no-create-home", `--home-dir=${home}`, `--shell=${shell}`];
  if (!tools.has("useradd"))
    throw new CodedError("service_failed", `there is no user ${name}, and no useradd to make one`, {
      hint: `Make the user ${name} as this system makes users of services, then run this again.`,
    });
  await tools.tell("useradd", ...options, name);
  const made = findAccount(name, file);
  if (made === undefined) throw new CodedError("service_failed", `useradd made no user ${name} in /etc/passwd`);
  return { account: ordinary(made), isNew: true };
}
