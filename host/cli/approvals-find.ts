import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { OwnerClient } from "./owner-client.ts";

const PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,32}$/;

/**
 * The one of several whose id begins with `given`, which has at least 4 characters.
 * @param what for messages: `call that waits`, `grant`
 * @throws CodedError `usage`, `not_found`
 */
export function byPrefix<T extends { readonly id: string }>(
  all: readonly T[],
  given: string,
  what: string,
  where: string,
): T {
  const prefix = given.toLowerCase();
  if (!PREFIX.test(prefix))
    throw new CodedError("usage", `${quoted(shortened(given, 60))} is not the beginning of an id`, {
      hint: `Give at least 4 characters of the first column of ${where}.`,
    });
  const [first, second] = all.filter(({ id }) => id.startsWith(prefix));
  if (first === undefined)
    throw new CodedError("not_found", `no ${what} has an id that begins with ${prefix}`, { hint: `See ${where}.` });
  if (second !== undefined)
    throw new CodedError("usage", `${prefix} fits more than one ${what}`, { hint: "Give more characters." });
  return first;
}

/** The call that waits whose id begins with `given`. */
export async function findPending(owner: OwnerClient, given: string) {
  const { approvals } = await owner.approvals("", 0);
  return byPrefix(approvals, given, "call that waits", "cmd2host approvals");
}
