import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { IS_BUN } from "./runtime.ts";

/** A user of this machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const PASSWD = "/etc/passwd";

/** A line of passwd(5); undefined for one that is none. */
function accountOf(line: string): Account | undefined {
  const [name = "", , uid = "", gid = "", , home = ""] = line.split(":");
  if (name === "" || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home: home === "" ? "/" : home };
}

function accountsIn(file: string): readonly Account[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => accountOf(line) ?? []);
}

/**
 * The user that this process runs as.
 * @param trustsEnvironment false where the runtime takes name and home from the environment, which root's services do not have: then they are those of
 *   the machine's own file
 */
export function ownAccount(trustsEnvironment = !IS_BUN, file = PASSWD): Account {
  const { username, uid, gid, homedir } = userInfo();
  const found = trustsEnvironment ? undefined : accountsIn(file).find((account) => account.uid === uid);
  return found ?? { name: username, uid, gid, home: homedir === "" ? "/" : homedir };
}

/**
 * The user of that name, of the machine's own file. Users of a directory service are not found: what runs as somebody else should not depend on a
 * network. Reads the disk.
 */
export function findAccount(name: string, file = PASSWD): Account | undefined {
  return accountsIn(file).find((account) => account.name === name);
}
