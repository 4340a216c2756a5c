import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** A user of this machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const PASSWD = "/etc/passwd";

/** The user that this process runs as. */
export function ownAccount(): Account {
  const { username, uid, gid, homedir } = userInfo();
  return { name: username, uid, gid, home: homedir === "" ? "/" : homedir };
}

/** A line of passwd(5); undefined for one that is none. */
function accountOf(line: string): Account | undefined {
  const [name = "", , uid = "", gid = "", , home = ""] = line.split(":");
  if (name === "" || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home: home === "" ? "/" : home };
}

/**
 * The user of that name, of the machine's own file. Users of a directory service are not found: what runs as somebody else should not depend on a
 * network. Reads the disk.
 */
export function findAccount(name: string, file = PASSWD): Account | undefined {
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const account = line.startsWith(`${name}:`) ? accountOf(line) : undefined;
    if (account !== undefined) return account;
  }
  return undefined;
}
