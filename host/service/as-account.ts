import { CodedError, messageOf } from "../../wire/errors.ts";
import type { Account } from "../util/account.ts";

/** What the types of Node leave out. */
interface WithGroups {
  readonly initgroups?: (user: string, group: number) => void;
}

/**
 * Does something with the rights of an account: what it is not allowed to read cannot be read then, wherever links lead. Who is not root does it as
 * itself. Nothing else may go on in this process meanwhile.
 * @throws CodedError `service_failed` when this process cannot become that account, and what `work` throws
 */
export async function asAccount<T>(account: Account, work: () => Promise<T> | T): Promise<T> {
  const gid = process.getegid?.() ?? 0;
  const groups = process.getgroups?.() ?? [];
  if (process.geteuid?.() !== 0 || account.uid === 0) return work();
  try {
    (process as WithGroups).initgroups?.(account.name, account.gid);
    process.setegid?.(account.gid);
    process.seteuid?.(account.uid);
  } catch (error) {
    throw new CodedError("service_failed", `cannot become ${account.name}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(gid);
    process.setgroups?.(groups);
  }
}
