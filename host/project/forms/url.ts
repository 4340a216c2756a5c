import { quoted, shortened } from "../../../wire/text.ts";
import { INVISIBLE, type Form } from "./form.ts";

const DEFAULT_SCHEMES = ["https"];
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]+\\])$`);
const MAX_HOST = 253;
/** How many layers of percent-encoding are taken off a path to see what a server could make of it. */
const LAYERS = 4;

/** True for the name of a scheme, in small letters, without its colon. */
export function isScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*$/.test(text);
}

/** True for a host as `hosts` lists it: a name or address in small letters, with or without a port. */
export function isUrlHost(text: string): boolean {
  const host = text.replace(/:[0-9]{1,5}$/, "");
  return HOST.test(host) && host.length <= MAX_HOST;
}

function decoded(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** A path that climbs, or holds what none should, in any layer of encoding. Behind `;` some servers read parameters. */
function pathProblem(path: string): string | undefined {
  let layer = path;
  for (let round = 0; round < LAYERS; round++) {
    if (/[\0-\x1f\x7f\\]/.test(layer)) return "its path has an encoded control character or backslash";
    if (layer.split("/").some((part) => /^\.\.?(?:;|$)/.test(part))) return "its path has a part . or ..";
    layer = decoded(layer);
  }
  return undefined;
}

/**
 * An absolute URL, written exactly as a browser would write it back (the URL standard of the WHATWG), so that no two readers can take it for
 * different addresses.
 */
export const url: Form = (text, { schemes = [], hosts = [] }) => {
  if (INVISIBLE.test(text)) return "it has a space or control character";
  if (text.includes("\\")) return "it has a backslash";
  if (/%(?![0-9a-f]{2})/i.test(text)) return "it has a % that encodes nothing";
  if (!URL.canParse(text)) return "it cannot be read";
  const parsed = new URL(text);
  const allowed = schemes.length === 0 ? DEFAULT_SCHEMES : schemes;
  if (!allowed.includes(parsed.protocol.slice(0, -1))) return `its scheme is not ${allowed.join(", ")}`;
  if (parsed.username !== "" || parsed.password !== "") return "it has user information";
  if (!isUrlHost(parsed.hostname)) return "it has no valid host";
  if (hosts.length > 0 && !hosts.includes(parsed.host)) return `its host is none of ${hosts.join(", ")}`;
  if (parsed.href !== text) return `its normal form is ${quoted(shortened(parsed.href, 120))}`;
  return pathProblem(parsed.pathname);
};
