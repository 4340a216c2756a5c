import { CodedError } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";
import type { TokenRecord } from "../auth/token-store.ts";

const PREFIX = /^[0-9a-f]{4,64}$/;
const SHORT = 12;
/** How much of what was typed is repeated: it could be a token, given by mistake. */
const GIVEN = 8;

/** A token's hash as it is shown: enough to name it, useless as a token. */
export function shortHash(hash: string): string {
  return hash.slice(0, SHORT);
}

/** Who a token belongs to, in a few words. */
export function tokenWords(record: TokenRecord): string {
  const owner = record.projectId === "" ? record.repo : record.projectId;
  return [shortHash(record.hash), owner === "" ? "(unbound)" : owner, ...(record.label === "" ? [] : [record.label])]
    .map(printable)
    .join(" ");
}

/**
 * The token whose hash begins with `prefix`.
 * @throws CodedError `usage` when the prefix is no hash, too short, or fits several; `not_found` when it fits none
 */
export function findToken(records: readonly TokenRecord[], prefix: string): TokenRecord {
  if (!PREFIX.test(prefix)) {
    throw new CodedError("usage", `${quoted(prefix.slice(0, GIVEN))} is not the beginning of a token's hash`, {
      hint: "Give at least 4 characters of the first column of cmd2host token list. A token itself is given on standard input: --stdin.",
    });
  }
  const found = records.filter((record) => record.hash.startsWith(prefix));
  const [first, second] = found;
  if (first === undefined)
    throw new CodedError("not_found", `no token's hash begins with ${prefix.slice(0, GIVEN)}`, {
      hint: "See cmd2host token list.",
    });
  if (second !== undefined) {
    throw new CodedError(
      "usage",
      `${prefix.slice(0, GIVEN)} fits ${found.length} tokens: ${found.map(tokenWords).join("; ")}`,
      { hint: "Give more characters." },
    );
  }
  return first;
}
