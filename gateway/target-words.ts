import { isIP } from "node:net";
import { quoted, shortened } from "../wire/text.ts";
import { printable } from "../wire/printable.ts";

/** Which names, hosts and tags a target may have: what comes from files, callers, and machines that were discovered. */

const MAX_NAME = 128;
const MAX_HOST = 253;
const MAX_TAG = 64;
const MAX_SHOWN = 40;

/** Nothing that could steer a terminal, and no half of a character. */
function isPlain(text: string): boolean {
  return text.isWellFormed() && printable(text) === text;
}

function shown(text: string): string {
  return quoted(shortened(text.toWellFormed(), MAX_SHOWN));
}

/** Why this cannot be the name of a target, or undefined. */
export function faultOfName(name: string): string | undefined {
  // No member of a JSON object may be called so.
  const isFit = name.length >= 1 && name.length <= MAX_NAME && isPlain(name) && name !== "__proto__";
  return isFit ? undefined : `expected a name of 1 to ${MAX_NAME} characters that can be shown, got ${shown(name)}`;
}

/** Why a target cannot have this host, or undefined. An address, or a name as resolvers take it. */
export function faultOfHost(host: string): string | undefined {
  const isFit = isIP(host) !== 0 || (host.length <= MAX_HOST && /^[A-Za-z0-9_]([A-Za-z0-9._-]*)$/.test(host));
  return isFit ? undefined : `expected a name or an address without a port, got ${shown(host)}`;
}

/** Why a target cannot have this tag, or undefined. */
export function faultOfTag(tag: string): string | undefined {
  const isFit = tag.length >= 1 && tag.length <= MAX_TAG && isPlain(tag);
  return isFit ? undefined : `expected a tag of 1 to ${MAX_TAG} characters that can be shown, got ${shown(tag)}`;
}
